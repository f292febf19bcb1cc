import { readFile, rename } from "node:fs/promises";
import { Low } from "lowdb";
import type { Clock } from "./clock.ts";
import { writeDurably } from "./durable.ts";
import { type Log, reasonOf } from "./log.ts";
import type { Memory } from "./memory.ts";
import { emptyMemory, type MemoryFile, memoryOver } from "./memory-state.ts";

/** A memory in a file: lowdb over an adapter that survives power cuts. A damaged file is set aside and the version before it is used. */
export async function fileMemory(path: string, clock: Clock, log: Log): Promise<Memory> {
  const low = new Low<MemoryFile>(
    { read: () => readMemory(path, clock, log), write: (data) => writeDurably(path, JSON.stringify(data), 0o600, `${path}.bak`) },
    emptyMemory,
  );
  await low.read();
  return memoryOver(low.data, clock, oneAtATime(low));
}

/** Saves while one is being written are put together into the next; each resolves when a write that began after it is done. */
function oneAtATime(low: Low<MemoryFile>): (snapshot: () => MemoryFile) => Promise<void> {
  let writing: Promise<void> | undefined, next: Promise<void> | undefined;
  const write = (snapshot: () => MemoryFile): Promise<void> => {
    low.data = snapshot();
    writing = low.write().finally(() => {
      writing = undefined;
    });
    return writing;
  };
  return (snapshot) => {
    if (writing === undefined) return write(snapshot);
    next ??= writing
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return write(snapshot);
      });
    return next;
  };
}

async function readMemory(path: string, clock: Clock, log: Log): Promise<MemoryFile | null> {
  const main = await readOne(path);
  if (typeof main === "object") return main;
  const backup = await readOne(`${path}.bak`);
  if (main === "damaged") {
    const aside = `${path}.damaged-${clock.now()}`;
    await rename(path, aside);
    log("error", "memory file is damaged", { path, keptAs: aside, usingBackup: typeof backup === "object" });
  }
  return typeof backup === "object" ? backup : null;
}

async function readOne(path: string): Promise<MemoryFile | "missing" | "damaged"> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code === "ENOENT") return "missing";
    throw new Error(`Unable to read ${path}: ${reasonOf(failure)}`, { cause: failure });
  }
  try {
    const value = JSON.parse(text) as MemoryFile;
    const lists = [value.steps, value.owned, value.marks, value.backups, value.upgrades];
    return value.version === 1 && lists.every(Array.isArray) ? value : "damaged";
  } catch {
    return "damaged";
  }
}
