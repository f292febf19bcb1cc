import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

/** An agent that hosts can download. */
export interface Artifact {
  readonly name: string;
  readonly path: string;
  readonly size: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

/** `agent-linux-x64`, `agent-linux-arm64-musl` … (compiled), `agent.cjs` (for a Node that is there). */
const artifactName = /^(agent-linux-(x64|arm64)(-musl)?|agent\.cjs)$/;

/** Lists the agents in a folder; a folder that is not there has none. Digests are computed once for each file, size and time. */
export function artifactsIn(folder: string | undefined): () => Promise<readonly Artifact[]> {
  const digests = new Map<string, Promise<string>>();
  const digest = (path: string, version: string): Promise<string> => {
    const key = `${path} ${version}`,
      known = digests.get(key);
    if (known !== undefined) return known;
    const made = sha256Of(path);
    digests.set(key, made);
    made.catch(() => digests.delete(key));
    return made;
  };
  return async () => {
    if (folder === undefined) return [];
    const names = await readdir(folder).catch(() => []);
    return Promise.all(
      names
        .filter((name) => artifactName.test(name))
        .sort()
        .map(async (name) => {
          const path = join(folder, name),
            { size, mtimeMs } = await stat(path);
          return { name, path, size, sha256: await digest(path, `${size} ${mtimeMs}`) };
        }),
    );
  };
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
