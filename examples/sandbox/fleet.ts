import type { Clock } from "../../agent/runtime/clock.ts";
import { createPretendHost, type PretendHost, type Profile } from "./pretend-host.ts";
import { hash } from "./host/random.ts";
import { type RoleName, roles } from "./host/role.ts";

/** A host of the fleet with what its join token would say of it. */
export interface FleetHost {
  readonly host: PretendHost;
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

export interface PretendFleet {
  readonly hosts: readonly FleetHost[];
  get(name: string): PretendHost | undefined;
}

export interface FleetOptions {
  readonly hosts: number;
  readonly seed: number;
  readonly clock?: Clock | undefined;
  readonly pace?: number | undefined;
  readonly metricsEveryMs?: number | undefined;
}

/** The first hosts of every fleet: whoever tries it out meets each role, and three web servers to roll over. */
const first: readonly RoleName[] = ["web", "web", "web", "app", "app", "db", "cache", "lb", "api", "download", "dev", "backup"];
/** What the rest are, again and again. */
const rest: readonly RoleName[] = ["web", "web", "app", "web", "cache", "app", "dev", "web", "api", "db"];

/** Makes a fleet of pretend hosts: names, systems and seeds follow from the place in it and the fleet's seed. */
export function pretendFleet(options: FleetOptions): PretendFleet {
  const { seed, clock, pace, metricsEveryMs } = options,
    counts = new Map<RoleName, number>(),
    byName = new Map<string, PretendHost>();
  const neighbour = (name: string): PretendHost | undefined => byName.get(name);
  const hosts = Array.from({ length: options.hosts }, (_, at): FleetHost => {
    const role = first[at] ?? rest[(at - first.length) % rest.length]!,
      count = (counts.get(role) ?? 0) + 1;
    counts.set(role, count);
    const name = `${role}-${String(count).padStart(2, "0")}`;
    const host = createPretendHost({ name, profile: profileOf(role, count), seed: hash(seed, at), clock, pace, metricsEveryMs, neighbour });
    byName.set(name, host);
    return { host, tags: roles[role].tags, labels: roles[role].labels };
  });
  return { hosts, get: neighbour };
}

const profileOf = (role: RoleName, count: number): Profile => ({
  role,
  system: roles[role].systems[(count - 1) % roles[role].systems.length]!,
});
