import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { bunVersion, type Target } from "./targets.ts";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");

/** The Bun program for a target: as installed, or from an earlier fetch; `fetch` brings it from the package registry. Undefined where it is not there. */
export async function bunProgram(target: Target, fetch: boolean): Promise<string | undefined> {
  const installed = join(root, "node_modules", target.package, "bin/bun");
  if (existsSync(installed)) return installed;
  const folder = join(root, ".cache/bun", bunVersion, target.name),
    cached = join(folder, "package/bin/bun");
  if (!existsSync(cached) && fetch) await fetchPackage(target, folder);
  return existsSync(cached) ? cached : undefined;
}

/** npm checks what it fetches against the registry's digest. */
async function fetchPackage(target: Target, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await run("npm", ["pack", "--silent", `${target.package}@${bunVersion}`, "--pack-destination", folder], { cwd: root });
  const archive = (await readdir(folder)).find((name) => name.endsWith(".tgz"));
  if (archive === undefined) throw new Error(`npm pack brought no archive of ${target.package}@${bunVersion}`);
  await run("tar", ["-xzf", join(folder, archive), "-C", folder]);
  await rm(join(folder, archive));
}
