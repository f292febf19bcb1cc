import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { link, mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const builder = resolve(import.meta.dirname, "../../agent/release/build.ts");

/** A folder with releases as a controller serves them. */
export interface TestReleases {
  /** For BACKEND_AI_DIST: the version that hosts are installed with. */
  readonly folder: string;
  /** Builds a real agent of this version and serves it, beside the others. */
  publish(version: string): Promise<void>;
  /** Serves a version that says what it is, and runs as this shell script does. */
  publishScript(version: string, run: string): Promise<void>;
  withdraw(version: string): Promise<void>;
  remove(): Promise<void>;
}

/** Builds the first version, for this machine alone. */
export async function makeReleases(first: string): Promise<TestReleases> {
  const top = await mkdtemp(join(tmpdir(), "releases-")),
    folder = join(top, "dist");
  const build = (version: string, out: string) => run(process.execPath, [builder, "--own", "--version", version, "--out", out]);
  await build(first, folder);
  // It stays served when newer ones come, under its own name too.
  await mkdir(join(folder, "releases", first), { recursive: true });
  for (const name of await readdir(folder)) if (name !== "releases") await link(join(folder, name), join(folder, "releases", first, name));
  /** Nothing half-written is seen: what lies aside comes by a rename. */
  const serve = (version: string): Promise<void> => rename(join(top, version), join(folder, "releases", version));
  return {
    folder,
    async publish(version) {
      await build(version, join(top, version));
      await serve(version);
    },
    async publishScript(version, body) {
      const text = `#!/bin/sh\ncase $1 in\n  --version) echo ${version} ;;\n  run) ${body} ;;\nesac\n`;
      const name = (await readdir(folder)).find((one) => one.startsWith("agent-linux-")) ?? "",
        sha256 = createHash("sha256").update(text).digest("hex");
      await mkdir(join(top, version));
      await writeFile(join(top, version, name), text);
      await writeFile(join(top, version, "release.json"), JSON.stringify({ version, files: { [name]: { size: text.length, sha256 } } }));
      await serve(version);
    },
    withdraw: (version) => rm(join(folder, "releases", version), { recursive: true }),
    remove: () => rm(top, { recursive: true, force: true }),
  };
}
