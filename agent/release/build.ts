import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { bunProgram } from "./bun-program.ts";
import { bundle } from "./bundle.ts";
import { type Target, targets } from "./targets.ts";

const run = promisify(execFile);
const dist = resolve(import.meta.dirname, "../../dist");

/** Tells one artefact as a line of JSON. */
async function tell(path: string): Promise<void> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  process.stdout.write(
    `${JSON.stringify({ artifact: path.slice(dist.length + 1), bytes: (await stat(path)).size, sha256: hash.digest("hex") })}\n`,
  );
}

/** Compiles the bundle with the Bun of this machine around the Bun of the target. A program reads no .env or bunfig.toml of the folder it is started in. */
async function compile(bundled: string, target: Target, bun: string, ownBun: string): Promise<string> {
  const out = join(dist, target.name),
    made = `${out}.new`;
  const options = [
    "--compile",
    "--minify",
    "--bytecode",
    "--compile-jit-policy=10",
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
  ];
  const cross = target.own ? [] : [`--target=${target.package.replace("@oven/", "")}`, `--compile-executable-path=${bun}`];
  await run(ownBun, ["build", ...options, ...cross, bundled, "--outfile", made], { cwd: dist });
  await rename(made, out);
  return out;
}

/** Builds what this machine can build; `--all` fetches the Bun of other platforms. */
async function main(args: readonly string[]): Promise<void> {
  await mkdir(dist, { recursive: true });
  const bundled = join(dist, "agent.cjs");
  await bundle(bundled);
  await tell(bundled);
  const own = targets.find((target) => target.own),
    ownBun = own === undefined ? undefined : await bunProgram(own, true);
  for (const target of targets) {
    const bun = await bunProgram(target, args.includes("--all"));
    if (bun === undefined || ownBun === undefined)
      process.stderr.write(`${target.name}: left out, ${target.package} is not installed (--all fetches it)\n`);
    else await tell(await compile(bundled, target, bun, ownBun));
  }
  await rm(join(dist, ".bun-build"), { force: true });
}

await main(process.argv.slice(2));
