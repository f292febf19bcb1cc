import { nearest } from "./nearest.ts";

/** One key of the language: what it takes, whether its answer is stable enough to say where a manifest holds, and what it means. */
export interface SelectorKey {
  readonly key: string;
  readonly takes: "text" | "measure";
  readonly stable: boolean;
  /** The only words that it takes beside globs, where the list is closed. */
  readonly words?: readonly string[];
  readonly says: string;
  readonly example: string;
}

const stable = (key: string, says: string, example: string): SelectorKey => ({ key, takes: "text", stable: true, says, example });
const changing = (key: string, says: string, example: string): SelectorKey => ({ ...stable(key, says, example), stable: false });
const measure = (key: string, says: string, example: string): SelectorKey => ({ ...changing(key, says, example), takes: "measure" });

/** Every key of the language, for the parser, completion, prompts and pages; `label` stands for `label.NAME`. */
export const selectorKeys: readonly SelectorKey[] = [
  stable("name", "name or alias of the host", "name=web-*"),
  stable("id", "id of the guest in its cluster", "id=118"),
  stable("tag", "a tag of the host", "tag=production"),
  stable("label", "a label of the host, by name", "label.team=web"),
  { ...stable("kind", "what the host is", "kind=vm,container"), words: ["node", "vm", "container", "host", "cluster"] },
  stable("cluster", "Proxmox cluster it belongs to", "cluster=lab"),
  stable("node", "Proxmox node that the guest is on", "node=pve1"),
  stable("os", "operating system", "os=ubuntu"),
  stable("os_version", "version of the operating system", "os_version=22.04"),
  changing("service", "a running service", "service=nginx"),
  changing("status", "status of the host", "status=running"),
  { ...changing("agent", "its agent: none, outdated, any, or a version", "agent=outdated"), words: ["none", "outdated", "any"] },
  measure("cpu", "CPU in use, percent", "cpu>80"),
  measure("mem", "memory in use, percent", "mem>=90"),
  measure("disk", "fullest disk, percent", "disk>60"),
  measure("load", "load average over one minute", "load>4"),
];

const byKey = new Map(selectorKeys.map((entry) => [entry.key, entry]));

/** What other tools call our keys. */
const synonyms: Readonly<Record<string, string>> = {
  label: "label.NAME",
  labels: "label.NAME",
  host: "name",
  hostname: "name",
  vmid: "id",
  type: "kind",
  version: "os_version",
  distro: "os",
  unit: "service",
  state: "status",
  memory: "mem",
  ram: "mem",
  storage: "disk",
  cpus: "cpu",
};

/** The entry of a lower-case key as it stands in a term, or undefined; `label.team` has the entry of `label`. */
export function keyEntry(key: string): SelectorKey | undefined {
  if (/^label\.[\p{L}\p{M}\p{N}_./-]+$/u.test(key)) return byKey.get("label");
  return key === "label" ? undefined : byKey.get(key);
}

/** The key that was most likely meant. */
export function nearestKey(key: string): string | undefined {
  const dot = key.indexOf(".");
  if (dot > 0 && dot < key.length - 1 && nearest(key.slice(0, dot), ["label"]) !== undefined) return `label${key.slice(dot)}`;
  if (Object.hasOwn(synonyms, key)) return synonyms[key];
  return nearest(key, keyNames(false));
}

/** The keys as a person writes them, all or the stable ones. */
export const keyNames = (stableOnly: boolean): string[] =>
  selectorKeys.filter((entry) => entry.stable || !stableOnly).map(({ key }) => (key === "label" ? "label.NAME" : key));
