import { open } from "node:fs/promises";
import type { By } from "../../runtime/verbs.ts";
import { maskSecrets } from "../mask.ts";

const historyLog = "/var/log/apt/history.log";
const tailBytes = 16_384;
const freshMs = 15_000;

/** Who ran apt last, from its history, where that was within the last seconds. */
export async function whoInstalled(now: number): Promise<By | undefined> {
  const file = await open(historyLog, "r").catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const info = await file.stat();
    if (now - info.mtimeMs > freshMs) return undefined;
    const start = Math.max(0, info.size - tailBytes);
    const bytes = Buffer.alloc(info.size - start);
    await file.read(bytes, 0, bytes.length, start);
    return parseHistory(bytes.toString("utf8"));
  } finally {
    await file.close();
  }
}

/** The last entry of apt's history: `Commandline:` and, where sudo was used, `Requested-By: alice (1000)`. */
export function parseHistory(text: string): By | undefined {
  const entry = text.slice(Math.max(0, text.lastIndexOf("Start-Date:")));
  const command = /^Commandline: (.+)$/m.exec(entry)?.[1];
  if (command === undefined) return undefined;
  const person = /^Requested-By: (\S+) \([0-9]+\)$/m.exec(entry)?.[1];
  return { who: person ?? "root", how: maskSecrets(command).slice(0, 500) };
}
