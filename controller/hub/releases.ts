import { createHash, type KeyObject, sign } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { Ajv2020 } from "ajv/dist/2020.js";
import Type, { type Static } from "typebox";
import { AgentRelease, AgentVersion, compareVersions, compiledName, releaseName, releaseText } from "../../schemas/release.ts";

/** A release with the file that it is. */
export interface ServedRelease {
  readonly release: AgentRelease;
  readonly path: string;
}

/** Agents that this controller can bring hosts to, newest first. */
export interface Releases {
  /** Looks at the folders again; answers whether anything is other than before. */
  refresh(): Promise<boolean>;
  served(): readonly ServedRelease[];
  /** Those that an agent of this platform can be; the same array as long as they are the same. */
  for(platform: { readonly arch: string; readonly libc?: string | undefined } | undefined): readonly AgentRelease[];
}

/** What `npm run build:agent` writes beside the programs. */
const Built = Type.Object({
  version: AgentVersion,
  files: Type.Record(Type.String(), Type.Object({ size: Type.Integer(), sha256: Type.String() }), { maxProperties: 64 }),
});
const isBuilt = new Ajv2020({ strict: true, strictTypes: false }).compile<Static<typeof Built>>(Built);
/** Versions that are served at most. */
const maxVersions = 32;
const none: readonly AgentRelease[] = [];

/**
 * The releases in a folder: those that its own release.json names, and those of `releases/VERSION/release.json` below it. A file that is not what its
 * release.json says, such as one that is being built, is left out. Each is signed by the key that signs steps, which agents know since they enrolled.
 */
export function releasesIn(folder: string | undefined, key: KeyObject): Releases {
  const digests = new Map<string, Promise<string>>();
  let served: readonly ServedRelease[] = [],
    text = "",
    byPlatform = new Map<string, readonly AgentRelease[]>();

  const digest = (path: string, stamp: string): Promise<string> => {
    const known = digests.get(`${path} ${stamp}`);
    if (known !== undefined) return known;
    const made = sha256Of(path);
    digests.set(`${path} ${stamp}`, made);
    made.catch(() => digests.delete(`${path} ${stamp}`));
    return made;
  };
  const inFolder = async (at: string): Promise<ServedRelease[]> => {
    const built = await readBuilt(at);
    if (built === undefined) return [];
    const found = Object.entries(built.files).map(async ([name, { size, sha256 }]): Promise<ServedRelease[]> => {
      const path = join(at, name),
        info = releaseName.test(name) ? await stat(path).catch(() => undefined) : undefined;
      if (info === undefined || info.size !== size || (await digest(path, `${info.size} ${info.mtimeMs}`)) !== sha256) return [];
      const what = { version: built.version, name, size, sha256 };
      return [{ path, release: { ...what, signature: sign(null, Buffer.from(releaseText(what)), key).toString("base64") } }];
    });
    return (await Promise.all(found)).flat();
  };

  return {
    async refresh() {
      const older = folder === undefined ? [] : await readdir(join(folder, "releases")).catch(() => []);
      const folders = folder === undefined ? [] : [folder, ...older.slice(0, maxVersions).map((name) => join(folder, "releases", name))];
      const all = (await Promise.all(folders.map(inFolder))).flat(),
        known = new Map(all.toReversed().map((one) => [`${one.release.version} ${one.release.name}`, one]));
      const next = [...known.values()].sort(
        (a, b) => compareVersions(b.release.version, a.release.version) || (a.release.name < b.release.name ? -1 : 1),
      );
      const now = JSON.stringify(next);
      if (now === text) return false;
      [served, text, byPlatform] = [next, now, new Map()];
      return true;
    },
    served: () => served,
    for(platform) {
      if (platform === undefined) return none;
      const name = compiledName(platform),
        known = byPlatform.get(name);
      if (known !== undefined) return known;
      const made = served.flatMap(({ release }) => (release.name === name || release.name === "agent.cjs" ? [release] : []));
      byPlatform.set(name, made);
      return made;
    },
  };
}

async function readBuilt(folder: string): Promise<Static<typeof Built> | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(join(folder, "release.json"), "utf8"));
    return isBuilt(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
