import type { HostSummary, ResourceView } from "../../schemas/api.ts";
import { compileSelector, parseSelector, resolveWords, type Selector, type SelectorHost } from "../../schemas/selector.ts";
import { fold } from "./grammar/tokens.ts";
import type { HostFact, MetricsFact } from "../../schemas/verbs/host.ts";

/** A unit as its host lists it. */
export interface KnownUnit {
  readonly unit: string;
  readonly active: string;
  readonly enabled: string;
}

/** A host as sentences speak of it; `units` absent: it was not asked or did not answer. */
export interface KnownHost {
  readonly name: string;
  readonly online: boolean;
  readonly as: SelectorHost;
  readonly summary: HostSummary;
  readonly units?: readonly KnownUnit[] | undefined;
}

/** Everything that the understanding of a sentence may look at: inert data. `glossary`: phrase -> selector, or a unit's name. */
export interface Known {
  readonly hosts: readonly KnownHost[];
  readonly resources: readonly ResourceView[];
  readonly glossary: Readonly<Record<string, string>>;
}

interface Names {
  readonly byName: ReadonlyMap<string, readonly string[]>;
  readonly tags: ReadonlySet<string>;
}

const namesOf = new WeakMap<Known["hosts"], Names>();

/** Names and aliases (to the hosts that have them) and tags of the fleet, in lower case without accents: found once for each inventory. */
export function fleetNames({ hosts }: Known): Names {
  const before = namesOf.get(hosts);
  if (before !== undefined) return before;
  const byName = new Map<string, string[]>(),
    tags = new Set<string>();
  for (const { name, as } of hosts) {
    for (const called of [name, ...(as.aliases ?? [])]) byName.set(fold(called), [...(byName.get(fold(called)) ?? []), name]);
    for (const tag of as.tags) tags.add(fold(tag));
  }
  const made = { byName, tags };
  namesOf.set(hosts, made);
  return made;
}

/** The host of a listing in the words of selectors. A host that is not online has a status of its own here, so that it can be asked for. */
export function selectorHostOf(host: HostSummary, units?: readonly KnownUnit[]): SelectorHost {
  const facts = host.facts as HostFact | undefined,
    metrics = host.metrics as MetricsFact | undefined;
  return {
    name: host.name,
    aliases: host.aliases,
    kind: kindOf(facts?.virtualization),
    tags: host.tags,
    labels: host.labels,
    os: facts?.os.id ?? host.os?.split(/\s+/)[0]?.toLowerCase(),
    osVersion: facts?.os.version ?? host.os?.split(/\s+/)[1],
    services: units?.filter(({ active }) => active === "active").map(({ unit }) => baseOf(unit)),
    status: host.online ? "running" : host.state,
    agent: { version: host.version, outdated: host.outdated === true },
    cpu: metrics?.cpu,
    mem: metrics?.memory,
    disk: metrics === undefined ? undefined : Math.max(0, ...metrics.disks.map((disk) => disk.used)),
    load: metrics?.load,
  };
}

function kindOf(virtualization = "none"): SelectorHost["kind"] {
  if (["lxc", "docker", "podman", "systemd-nspawn", "openvz"].includes(virtualization)) return "container";
  return virtualization === "none" ? "host" : "vm";
}

/** A unit's name without `.service`. */
export const baseOf = (unit: string): string => unit.replace(/\.service$/, "");

/** The hosts that a selector picks, and those for which the answer is unknown. */
export function pick(selector: Selector, known: Known): { readonly hosts: readonly KnownHost[]; readonly unknown: readonly KnownHost[] } {
  const decide = compileSelector(
    resolveWords(
      selector,
      known.hosts.map((host) => host.as),
    ),
  );
  const hosts: KnownHost[] = [],
    unknown: KnownHost[] = [];
  for (const host of known.hosts) {
    const match = decide(host.as);
    if (match === true) hosts.push(host);
    else if (match === undefined) unknown.push(host);
  }
  return { hosts, unknown };
}

/** The same for a selector's text; undefined where the text is no selector. */
export function pickText(
  text: string,
  known: Known,
): { readonly selector: Selector; readonly hosts: readonly KnownHost[]; readonly unknown: readonly KnownHost[] } | undefined {
  const parsed = parseSelector(text);
  if (!parsed.ok) return undefined;
  const selector = resolveWords(
    parsed.selector,
    known.hosts.map((host) => host.as),
  );
  return { selector, ...pick(selector, known) };
}
