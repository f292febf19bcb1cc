import { createHash } from "node:crypto";
import type { Fact, HostView, Instance, LoadedResource } from "../../controller/core/model.ts";
import { makePlan } from "../../controller/core/plan.ts";
import { resourceDigest } from "../../controller/core/parse-file.ts";
import { defaultSettings } from "../../controller/core/settings-defaults.ts";
import { kinds } from "../../controller/kinds/index.ts";
import { createWorld, type World } from "../../controller/loop/world.ts";
import { apiVersion } from "../../schemas/manifest.ts";
import type { Plan } from "../../schemas/plan.ts";
import { median, type Report, timed } from "./figure.ts";

/** Ten resources on each of `count` hosts: four services, four files, two packages. */
export function worldOf(count: number): World {
  const world = createWorld(kinds),
    hosts = Array.from({ length: count }, (_, at) => hostNamed(`host-${String(at).padStart(5, "0")}`));
  world.setHosts(new Map(hosts.map((host) => [host.name, host])));
  world.setCommit({
    commit: "commit",
    tree: "tree",
    resources: resources(),
    policies: [],
    settings: defaultSettings,
    context: (host) => ({ host, file: () => undefined, seal: () => undefined, unitOf: (unit) => unit }),
    secret: () => undefined,
  });
  return world;
}

const hostNamed = (name: string): HostView => ({
  name,
  online: true,
  aliases: [],
  tags: ["web"],
  labels: {},
  clockOffset: 0,
  agent: { version: "0.1.0", verbs: [] },
});

function resources(): LoadedResource[] {
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at);
  return [
    ...numbers(4).map((at) =>
      resource("Service", `service-${at}`, { on: "tag=web", unit: `unit-${at}.service`, state: "running", enabled: true }),
    ),
    ...numbers(4).map((at) => resource("File", `file-${at}`, { on: "tag=web", path: `/etc/file-${at}.conf`, content: contentOf(at) })),
    ...numbers(2).map((at) => resource("Package", `package-${at}`, { on: "tag=web" })),
  ];
}

const contentOf = (at: number): string => `# file ${at}\nsetting = value\n`;

function resource(kindName: string, name: string, given: Record<string, unknown>): LoadedResource {
  const kind = kinds.get(kindName),
    spec = kind?.scope === "hosts" ? kind.complete(given, name) : given;
  const whole = { apiVersion, kind: kindName, metadata: { name }, spec } as LoadedResource["resource"];
  return {
    id: `${kindName}/${name}`,
    kind: kindName,
    name,
    resource: whole,
    digest: resourceDigest(whole),
    file: "manifests/bench.yaml",
    where: () => ({}),
  };
}

/** What a host answers: everything as it should be, or nothing there. */
export function factOf({ host, askKey: key, resource: { kind, name, resource: whole } }: Instance, there: boolean): Fact {
  const spec = whole.spec as { unit?: string; path?: string; content?: string };
  const text = spec.content ?? "";
  const value =
    kind === "Service"
      ? { unit: spec.unit, load: "loaded", active: there ? "active" : "inactive", enabled: there ? "enabled" : "disabled" }
      : kind === "File"
        ? {
            path: spec.path,
            type: there ? "file" : "missing",
            ...(there ? { text, sha256: createHash("sha256").update(text).digest("hex") } : {}),
          }
        : { name, manager: "apt", installed: there, ...(there ? { version: "1.0" } : {}), candidate: "1.0" };
  return { host, key, at: 0, digest: `${there}`, value };
}

const planOf = (world: World): Plan =>
  makePlan({
    kinds,
    desired: world.desired,
    hosts: world.hosts,
    fact: world.fact,
    assessments: world.open(),
    inSync: world.inSync(),
    synced: () => undefined,
    policies: [],
    orphans: [],
    recent: [],
    busy: () => false,
    approval: defaultSettings.approval,
    now: 0,
  });

function measure(report: Report, name: string, hosts: number, targets: { none?: number; all?: number; one?: number }): void {
  const world = worldOf(hosts),
    instances = [...world.desired.instances.values()],
    ids = instances.map(({ id }) => id);
  const full = (): Plan => (world.reassess(ids), planOf(world));
  const target = (value: number | undefined): { target?: number } => (value === undefined ? {} : { target: value });
  for (const instance of instances) world.setFact(factOf(instance, false));
  expect(full().changes.length, instances.length);
  report(`${name}, all to create`, median(timed(5, full)), "ms", target(targets.all));
  for (const instance of instances) world.setFact(factOf(instance, true));
  expect(full().changes.length, 0);
  report(`${name}, no change`, median(timed(5, full)), "ms", target(targets.none));
  const one = (run: number): void => {
    const instance = instances[(run * 997 + 4) % instances.length] ?? instances[0]!;
    world.setFact(factOf(instance, false));
    expect(planOf(world).changes.length, 1);
    world.setFact(factOf(instance, true));
  };
  report(`${name}, one changed`, median(timed(25, one)), "ms", { ...target(targets.one), note: "only what changed is compared again" });
}

function expect(have: number, want: number): void {
  if (have !== want) throw new Error(`the plan has ${have} changes in place of ${want}`);
}

/** Plans: everything compared and planned anew, and what one change costs. */
export async function run(report: Report, scale: number): Promise<void> {
  measure(report, "plan of 10 000 instances", 1000, { none: 150, all: 400, one: 5 });
  if (scale >= 1) measure(report, "plan of 100 000 instances", 10_000, {});
}
