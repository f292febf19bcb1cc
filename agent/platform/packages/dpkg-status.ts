/** One entry of dpkg's status file (dpkg(1), PACKAGE STATES). */
export interface DpkgEntry {
  readonly name: string;
  readonly architecture: string;
  readonly version: string;
  /** install, hold, deinstall, purge. */
  readonly want: string;
  readonly flag: string;
  /** installed, config-files, half-installed, unpacked, half-configured, triggers-awaited, triggers-pending, not-installed. */
  readonly state: string;
}

/** Reads dpkg's status file: paragraphs of `Field: value`, of which five fields matter. */
export function parseDpkgStatus(text: string): DpkgEntry[] {
  const entries: DpkgEntry[] = [];
  for (const paragraph of text.split(/\n{2,}/)) {
    const fields = new Map<string, string>();
    for (const line of paragraph.split("\n")) {
      const colon = line.indexOf(":");
      if (colon > 0 && line[0] !== " " && line[0] !== "\t") fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
    }
    const name = fields.get("Package");
    if (name === undefined) continue;
    const [want = "", flag = "", state = ""] = (fields.get("Status") ?? "").split(" ");
    entries.push({ name, architecture: fields.get("Architecture") ?? "", version: fields.get("Version") ?? "", want, flag, state });
  }
  return entries;
}

/** The entry for a name such as `nginx` or `libc6:i386`; of several architectures the native one, then an independent one, then any. */
export function findEntry(entries: readonly DpkgEntry[], name: string, native: string): DpkgEntry | undefined {
  const [base, architecture] = name.split(":");
  const same = entries.filter(
    (entry) => entry.name === base && (architecture === undefined || architecture === "any" || entry.architecture === architecture),
  );
  return same.find((entry) => entry.architecture === native) ?? same.find((entry) => entry.architecture === "all") ?? same[0];
}

export const isInstalled = (entry: DpkgEntry): boolean => ["installed", "triggers-awaited", "triggers-pending"].includes(entry.state);
export const isBroken = (entry: DpkgEntry): boolean =>
  ["half-installed", "half-configured", "unpacked"].includes(entry.state) || entry.flag === "reinstreq";
