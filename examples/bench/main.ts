import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { benches } from "./benches.ts";
import { lines } from "./figure.ts";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const self = fileURLToPath(import.meta.url);

/** How long a benchmark that is told to end may take to clear up: real hosts have to be taken down. */
const graceMs = 60_000;

/** Runs one benchmark in a process of its own, ended when its time is over; whether it went well. */
function runApart(name: string, seconds: number, scale: number): Promise<boolean> {
  const child = spawn(process.execPath, ["--expose-gc", self, "--only", name, "--scale", String(scale)], {
    stdio: "inherit",
    detached: true,
  });
  let late = false,
    told = false,
    grace: NodeJS.Timeout | undefined;
  const end = (): void => {
    child.kill("SIGTERM");
    grace ??= setTimeout(sweep, graceMs);
  };
  // Whatever a benchmark started is of its group, and ends with it; also when this program is told to end.
  const sweep = (): void => {
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch {
      // Nothing is left of it.
    }
  };
  const timer = setTimeout(() => ((late = true), end()), seconds * 1000);
  const onSignal = (): void => ((told = true), end());
  for (const signal of signals) process.on(signal, onSignal);
  return new Promise((done) => {
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      clearTimeout(grace);
      sweep();
      for (const signal of signals) process.off(signal, onSignal);
      if (told) return process.exit(130);
      if (code !== 0) process.stderr.write(`${name}: ${late ? `not done within ${seconds} s` : `ended with ${code ?? signal}`}\n`);
      done(code === 0);
    });
  });
}

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { quick: { type: "boolean" }, scale: { type: "string" }, only: { type: "string" }, help: { type: "boolean" } },
    allowPositionals: true,
  });
  const unknown = positionals.filter((name) => !benches.has(name));
  if (values.help === true || unknown.length > 0) {
    const list = [...benches].map(([name, { about }]) => `  ${name.padEnd(8)} ${about}`).join("\n");
    process.stderr.write(
      `${unknown.map((name) => `There is no benchmark ${name}.\n`).join("")}npm run bench -- [--quick | --scale FACTOR] [NAME…]\n\n${list}\n`,
    );
    return unknown.length > 0 ? 64 : 0;
  }
  const scale = values.scale === undefined ? (values.quick === true ? 0.1 : 1) : Number(values.scale);
  if (!(scale > 0 && scale <= 10)) {
    process.stderr.write(`Unable to use --scale ${values.scale}: it is no number above 0 and up to 10\n`);
    return 64;
  }
  const only = benches.get(values.only ?? "");
  if (only !== undefined) {
    await (await only.load()).run(
      lines((line) => void process.stdout.write(line)),
      scale,
    );
    return 0;
  }
  let good = true;
  for (const [name, { seconds }] of benches)
    if (positionals.length === 0 || positionals.includes(name)) good = (await runApart(name, seconds, scale)) && good;
  return good ? 0 : 1;
}

// What a benchmark started may still hold the process open.
main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (failure: unknown) => {
    process.stderr.write(`${failure instanceof Error ? failure.stack : String(failure)}\n`);
    process.exit(1);
  },
);
