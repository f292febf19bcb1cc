/** What a host can be; a cluster is one that its agent speaks for, and no machine. */
export type HostKind = "node" | "vm" | "container" | "host" | "cluster";

/**
 * What a selector may ask about a host. A fact left out is unknown, `null` says that there is none. Only where the kind
 * settles it is a fact left out none: a plain host is in no cluster and has no id and node, a node is no guest on a node.
 */
export interface SelectorHost {
  readonly name: string;
  readonly aliases?: readonly string[] | undefined;
  readonly id?: string | number | null | undefined;
  readonly kind: HostKind;
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly cluster?: string | null | undefined;
  readonly node?: string | null | undefined;
  readonly os?: string | null | undefined;
  readonly osVersion?: string | null | undefined;
  /** Running units, without `.service`. */
  readonly services?: readonly string[] | undefined;
  readonly status?: string | null | undefined;
  readonly agent?: { readonly version: string; readonly outdated: boolean } | null | undefined;
  /** Percent in use, 0 to 100. */
  readonly cpu?: number | undefined;
  readonly mem?: number | undefined;
  readonly disk?: number | undefined;
  readonly load?: number | undefined;
}

/** What a text key says about a host: values, none (an empty list), or unknown. */
export type Known = string | readonly string[] | undefined;

const none: readonly string[] = [];
const known = (value: string | number | null | undefined): Known =>
  value === null ? none : value === undefined ? undefined : String(value);

const readers: Readonly<Record<string, (host: SelectorHost) => Known>> = {
  name: (host) => (host.aliases === undefined || host.aliases.length === 0 ? host.name : [host.name, ...host.aliases]),
  id: (host) => known(host.id ?? (host.kind === "host" || host.kind === "node" || host.kind === "cluster" ? null : host.id)),
  tag: (host) => host.tags,
  kind: (host) => host.kind,
  cluster: (host) => known(host.cluster ?? (host.kind === "host" ? null : host.kind === "cluster" ? host.name : host.cluster)),
  node: (host) => known(host.node ?? (host.kind === "host" || host.kind === "node" || host.kind === "cluster" ? null : host.node)),
  os: (host) => known(host.os),
  os_version: (host) => known(host.osVersion),
  service: (host) => host.services,
  status: (host) => known(host.status),
};

/** How to read a text key (`agent` has words of its own, see match.ts). */
export function readerOf(key: string): (host: SelectorHost) => Known {
  if (key.startsWith("label.")) return labelReader(key.slice("label.".length));
  return readers[key] ?? (() => none);
}

function labelReader(label: string): (host: SelectorHost) => Known {
  return ({ labels }) => {
    if (Object.hasOwn(labels, label)) return labels[label]!;
    for (const name in labels) if (name.toLowerCase() === label && Object.hasOwn(labels, name)) return labels[name]!;
    return none;
  };
}
