import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { bunProgram } from "./bun-program.ts";
import { targets } from "./targets.ts";

/** Longer than the tests ever take: what Bun does otherwise than Node may also be never to end. */
const patienceMs = 5 * 60_000;

/** Runs the agent's tests on the Bun that agents are compiled with; further arguments go to vitest. */
async function main(args: readonly string[]): Promise<void> {
  const own = targets.find((target) => target.own),
    bun = own === undefined ? undefined : await bunProgram(own, false);
  if (bun === undefined) throw new Error("Unable to test on Bun: no Bun for this machine is installed");
  const root = resolve(import.meta.dirname, "../..");
  const child = spawn(bun, [resolve(root, "node_modules/vitest/vitest.mjs"), "run", ...(args.length > 0 ? args : ["agent"])], {
    cwd: root,
    stdio: "inherit",
    timeout: patienceMs,
    killSignal: "SIGKILL",
  });
  child.once("exit", (code) => {
    process.exitCode = code ?? 1;
  });
}

await main(process.argv.slice(2));
