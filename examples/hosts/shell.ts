import { once } from "node:events";
import { createInterface } from "node:readline";
import { hostSpawn } from "../lab/lab.ts";

/** A bash that stays open on a host, so that a command begins at once. One script at a time. */
export interface Shell {
  /** Runs a script and resolves with the lines that it printed; rejects where the shell has ended. */
  run(script: string): Promise<string[]>;
  close(): Promise<void>;
}

const end = "--- end ---";

/** Opens a shell on a host. Scripts tell moments by `$EPOCHREALTIME`: seconds since the epoch, with microseconds. */
export function openShell(host: string): Shell {
  const child = hostSpawn(host, ["bash"], { stdio: ["pipe", "pipe", "inherit"] }),
    { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error("no pipes to a shell");
  let lines: string[] = [],
    waiting: PromiseWithResolvers<string[]> | undefined;
  const over = once(child, "close").then(() => waiting?.reject(new Error(`the shell on ${host} has ended`)));
  stdin.on("error", () => undefined);
  createInterface(stdout).on("line", (line) => {
    if (line !== end) return lines.push(line);
    const said = lines;
    lines = [];
    waiting?.resolve(said);
    return (waiting = undefined);
  });
  return {
    run(script) {
      if (waiting !== undefined) throw new Error(`the shell on ${host} is at work`);
      waiting = Promise.withResolvers();
      stdin.write(`${script}\necho '${end}'\n`);
      return waiting.promise;
    },
    async close() {
      stdin.end();
      await over;
    },
  };
}
