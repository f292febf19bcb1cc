import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { parseArgs, promisify } from "node:util";
import manifest from "../package.json" with { type: "json" };
import { bunProgram } from "./bun-program.ts";
import { bundle } from "./bundle.ts";
import { type Target, targets } from "./targets.ts";

const run = promisify(execFile);

/** What a controller is told of one program: it offers those alone that are as told here. */
interface Built {
  readonly size: number;
  readonly sha256: string;
}

/** Tells one artefact as a line of JSON. */
async function tell(path: string): Promise<Built> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  const built = { size: (await stat(path)).size, sha256: hash.digest("hex") };
  process.stdout.write(`${JSON.stringify({ artifact: basename(path), bytes: built.size, sha256: built.sha256 })}\n`);
  return built;
}

/** Compiles the bundle with the Bun of this machine around the Bun of the target. A program reads no .env or bunfig.toml of the folder it is started in. */
async function compile(bundled: string, target: Target, bun: string, ownBun: string, out: string): Promise<string> {
  const path = join(out, target.name),
    made = `${path}.new`;
  const options = [
    "--compile",
    "--minify",
    "--bytecode",
    "--compile-jit-policy=10",
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
  ];
  const cross = target.own ? [] : [`--target=${target.package.replace("@oven/", "")}`, `--compile-executable-path=${bun}`];
  await run(ownBun, ["build", ...options, ...cross, bundled, "--outfile", made], { cwd: out });
  await rename(made, path);
  return path;
}

/** Builds what this machine can build into dist/ or `--out`; `--all` fetches the Bun of other platforms, `--own` leaves them out, `--version` is said instead of the package's. */
async function main(args: string[]): Promise<void> {
  const options = { all: { type: "boolean" }, own: { type: "boolean" }, version: { type: "string" }, out: { type: "string" } } as const;
  const { values } = parseArgs({ args, options, strict: true });
  const out = resolve(values.out ?? join(import.meta.dirname, "../../dist")),
    version = values.version ?? manifest.version;
  const files: Record<string, Built> = {};
  await mkdir(out, { recursive: true });
  const bundled = join(out, "agent.cjs");
  await bundle(bundled, version);
  files["agent.cjs"] = await tell(bundled);
  const own = targets.find((target) => target.own),
    ownBun = own === undefined ? undefined : await bunProgram(own, true);
  for (const target of targets) {
    if (values.own === true && !target.own) continue;
    const bun = await bunProgram(target, values.all === true);
    if (bun === undefined || ownBun === undefined)
      process.stderr.write(`${target.name}: left out, ${target.package} is not installed (--all fetches it)\n`);
    else files[target.name] = await tell(await compile(bundled, target, bun, ownBun, out));
  }
  await rm(join(out, ".bun-build"), { force: true });
  // Last, and at once: until then the controller goes on with what it knew of files that are as they were.
  await writeFile(join(out, "release.json.new"), `${JSON.stringify({ version, files }, null, 2)}\n`);
  await rename(join(out, "release.json.new"), join(out, "release.json"));
}

await main(process.argv.slice(2));
