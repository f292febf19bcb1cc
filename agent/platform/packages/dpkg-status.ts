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

/** Reads dpkg's status file: paragraphs of `Field: value`, of which four fields matter. A megabyte of text, so little is made of the rest, and nothing of it is held. */
export function parseDpkgStatus(text: string): DpkgEntry[] {
  const entries: DpkgEntry[] = [],
    words = new Map<string, string>();
  // A piece of a string holds the whole string in memory; of most values there are few.
  const own = (piece: string | undefined): string => {
    if (piece === undefined || piece === "") return "";
    const known = words.get(piece) ?? Buffer.from(piece).toString();
    return words.set(known, known) && known;
  };
  let name: string | undefined, architecture: string | undefined, version: string | undefined, status: string | undefined;
  const end = (): void => {
    if (name !== undefined) {
      const [want, flag, state] = (status ?? "").split(" ");
      entries.push({
        name: own(name),
        architecture: own(architecture),
        version: own(version),
        want: own(want),
        flag: own(flag),
        state: own(state),
      });
    }
    name = architecture = version = status = undefined;
  };
  for (const [, field, value = ""] of text.matchAll(/^(?:(Package|Architecture|Version|Status):[ \t]*(.*)|[ \t]*)$/gm)) {
    if (field === undefined) end();
    else if (field === "Package") name = value.trim();
    else if (field === "Architecture") architecture = value.trim();
    else if (field === "Version") version = value.trim();
    else status = value.trim();
  }
  end();
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
