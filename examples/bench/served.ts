import { get } from "node:http";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

/**
 * Asks web servers again and again what they serve, and prints each change as a line of JSON: `{ target, from, at, text }`, text null where nothing
 * answers, `from` and `at` when the request that showed it began and was answered (milliseconds since the epoch). A line of standard input names the
 * addresses to ask from then on, separated by spaces.
 */
const now = (): number => performance.timeOrigin + performance.now();

const ask = (target: string): Promise<string | null> =>
  new Promise((resolve) => {
    const asked = get(`http://${target}/`, { agent: false, timeout: 1000 }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      answer.on("end", () => resolve(text)).on("error", () => resolve(null));
    });
    asked.on("timeout", () => asked.destroy());
    asked.on("error", () => resolve(null));
  });

let turn = 0;

/** About a thousand questions a second in all. */
async function follow(target: string, everyMs: number, mine: number): Promise<void> {
  for (let last: string | null | undefined; turn === mine; await pause(everyMs)) {
    const from = now(),
      text = await ask(target);
    if (text !== last && turn === mine) process.stdout.write(`${JSON.stringify({ target, from, at: now(), text })}\n`);
    last = text;
  }
}

createInterface(process.stdin)
  .on("line", (line) => {
    const targets = line.split(" ").filter((target) => target !== ""),
      mine = ++turn;
    for (const target of targets) void follow(target, targets.length, mine);
  })
  .on("close", () => process.exit(0));
