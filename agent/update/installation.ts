import { readdir, readFile, readlink, rename, rm, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { removeLeftovers, syncFolder, writeDurably } from "../runtime/durable.ts";

/** A version that is tried: its folder below `versions`, how long and how often, and the step that asked for it. */
export interface Trial {
  readonly dir: string;
  readonly version: string;
  readonly sha256: string;
  readonly step: string;
  readonly withinSeconds: number;
  /** Starts that are left. */
  readonly left: number;
}

/** A trial that was taken back, as the start script noted it. `at`: milliseconds since the epoch. */
export interface FailedTrial extends Trial {
  readonly reason: string;
  readonly at: number;
}

/**
 * Versions of an agent side by side in one folder, with the notes that the start script reads (controller/hub/agent-start.sh): `current` and
 * `previous` are links to folders below `versions`; `trial` is one line, `failed` that line and why. Each change is one rename, on disk when it resolves.
 */
export interface Installation {
  readonly folder: string;
  /** Folder names below `versions`; undefined where there is none. */
  current(): Promise<string | undefined>;
  previous(): Promise<string | undefined>;
  trial(): Promise<Trial | undefined>;
  failed(): Promise<FailedTrial | undefined>;
  /** From the next start on this version is tried. */
  begin(trial: Trial): Promise<void>;
  /** The version on trial is current from now on, and the one before stays beside it. */
  confirm(trial: Trial): Promise<void>;
  /** Removes versions that nothing names, but these. */
  tidy(keep: readonly string[]): Promise<void>;
}

/** The folder name of a version: builds that differ lie in folders that differ. */
export const folderOf = ({ version, sha256 }: { readonly version: string; readonly sha256: string }): string =>
  `${version}-${sha256.slice(0, 12)}`;

/** The version that a folder name says. */
export const versionOf = (dir: string): string => dir.replace(/-[0-9a-f]{12}$/, "");

export function installationIn(folder: string): Installation {
  const at = (name: string): string => join(folder, name);
  const linked = async (name: string): Promise<string | undefined> => {
    const target = await readlink(at(name)).catch(() => undefined);
    return target === undefined || dirname(target) !== "versions" ? undefined : basename(target);
  };
  const point = async (name: string, dir: string): Promise<void> => {
    const temporary = at(`${name}.new`);
    await rm(temporary, { force: true });
    await symlink(join("versions", dir), temporary);
    await rename(temporary, at(name));
    await syncFolder(folder);
  };
  const remove = async (name: string): Promise<void> => {
    await rm(at(name), { force: true });
    await syncFolder(folder);
  };
  const text = (name: string): Promise<string> => readFile(at(name), "utf8").catch(() => "");
  const installation: Installation = {
    folder,
    current: () => linked("current"),
    previous: () => linked("previous"),
    trial: async () => trialOf(await text("trial")),
    async failed() {
      const [line = "", note = ""] = (await text("failed")).split("\n");
      const trial = trialOf(line),
        [, seconds, reason] = /^(\d+) (.+)$/.exec(note) ?? [];
      return trial === undefined || reason === undefined ? undefined : { ...trial, reason, at: Number(seconds) * 1000 };
    },
    async begin({ dir, withinSeconds, left, version, sha256, step }) {
      await remove("failed");
      await writeDurably(at("trial"), `${[dir, withinSeconds, left, version, sha256, step].join(" ")}\n`, 0o600);
    },
    async confirm({ dir }) {
      const before = await linked("current");
      if (before !== undefined && before !== dir) await point("previous", before);
      await point("current", dir);
      await remove("trial");
      await installation.tidy([]);
    },
    async tidy(keep) {
      await removeLeftovers(folder);
      const named = [await linked("current"), await linked("previous"), (await installation.trial())?.dir, ...keep];
      for (const name of await readdir(at("versions")))
        if (!named.includes(name)) await rm(join(at("versions"), name), { recursive: true, force: true });
    },
  };
  return installation;
}

function trialOf(line: string): Trial | undefined {
  const [, dir, within, left, version, sha256, step] = /^(\S+) (\d+) (-?\d+) (\S+) ([0-9a-f]{64}) (\S+)\s*$/.exec(line) ?? [];
  if (dir === undefined || version === undefined || sha256 === undefined || step === undefined) return undefined;
  return { dir, version, sha256, step, withinSeconds: Number(within), left: Number(left) };
}
