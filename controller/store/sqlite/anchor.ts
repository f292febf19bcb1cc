import { readFile } from "node:fs/promises";
import { writeDurably } from "../../hub/durable-file.ts";
import type { AuditHead } from "../audit.ts";

/** A note of the audit trail's head outside of the database: it shows when the end of the trail was cut off. */
export interface Anchor {
  /** Takes the head down; on disk within about a quarter of a second. */
  note(head: AuditHead): void;
  read(): Promise<readonly AuditHead[]>;
  /** Waits until the last note is on disk. */
  settled(): Promise<void>;
}

/** No file beside a database in memory. */
export const noAnchor: Anchor = { note: () => {}, read: async () => [], settled: async () => {} };

const delay = 250;

/** The head in a file of one line of JSON. The note may lag behind the trail, never run ahead of it; a failure to write it is left to the next note. */
export function fileAnchor(path: string): Anchor {
  let latest: AuditHead | undefined,
    timer: NodeJS.Timeout | undefined,
    writing = Promise.resolve();
  const write = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const head = latest;
    latest = undefined;
    if (head !== undefined) writing = writing.then(() => writeDurably(path, `${JSON.stringify(head)}\n`)).catch(() => {});
    return writing;
  };
  return {
    note(head) {
      latest = head;
      timer ??= setTimeout(() => void write(), delay).unref();
    },
    settled: write,
    async read() {
      await write();
      return noted(await readFile(path, "utf8").catch(() => ""));
    },
  };
}

/** A damaged note is no note: the trail itself is still checked. */
function noted(text: string): readonly AuditHead[] {
  try {
    const head: unknown = JSON.parse(text);
    if (
      typeof head === "object" &&
      head !== null &&
      "n" in head &&
      "hash" in head &&
      Number.isSafeInteger(head.n) &&
      typeof head.hash === "string"
    )
      return [head as AuditHead];
  } catch {}
  return [];
}
