#!/usr/bin/env node
// Runs the command line on Node 24 or newer: on this one, or on the one that the package node-linux-ARCH brings.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import module, { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const needed = 24;

if (Number(process.versions.node.split(".")[0]) >= needed) {
  module.enableCompileCache?.();
  const bundled = new URL("./main.mjs", import.meta.url);
  const { start } = await import(existsSync(bundled) ? bundled.href : new URL("./main.ts", import.meta.url).href);
  await start();
} else {
  runOn(ownNode());
}

function ownNode() {
  if (process.env.BACKEND_AI_REEXEC === undefined) {
    try {
      const packageFile = createRequire(import.meta.url).resolve(`node-linux-${process.arch}/package.json`);
      return join(dirname(packageFile), "bin", "node");
    } catch {
      // Said below.
    }
  }
  process.stderr.write(
    `error: Unable to start: this is Node ${process.versions.node}, and Node ${needed} or newer is needed\n    Run \`npm install\` in the checkout, which brings it, or install Node ${needed}.\n`,
  );
  process.exit(1);
}

function runOn(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: "inherit",
    env: { ...process.env, BACKEND_AI_REEXEC: "1" },
  });
  // The terminal sends SIGINT to both; the others are passed on.
  process.on("SIGINT", () => undefined);
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (cause) => {
    process.stderr.write(`error: Unable to start ${node}: ${cause.message}\n`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => (signal === null ? process.exit(code ?? 1) : process.kill(process.pid, signal)));
}
