import { open } from "node:fs/promises";
import type { By } from "../../runtime/verbs.ts";
import { authorIn, historyLog } from "./apt-history.ts";

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

/** The last entry of apt's history; undefined where it is our own. */
export const parseHistory = (text: string): By | undefined => authorIn(text.slice(Math.max(0, text.lastIndexOf("Start-Date:"))));
