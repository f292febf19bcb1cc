import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { SourceFile } from "../core/model.ts";
import type { ParsedFile } from "../core/parse-file.ts";

/** Reads manifests in a thread of its own, so that large ones hold nobody up. */
export interface ParseApart {
  /** Puts what the files say into `parsed`, by blob. What cannot be read there is left out: the caller reads it itself. */
  fill(files: readonly SourceFile[], parsed: Map<string, ParsedFile>): Promise<void>;
  close(): Promise<void>;
}

/** A thread takes longer to start than so many bytes take to read. */
const worthIt = 128 * 1024;
/** A thread that nobody needed for so long ends, in milliseconds. */
const idleMs = 60_000;

export function parseApart(): ParseApart {
  let worker: Worker | undefined, idle: NodeJS.Timeout | undefined;
  const end = async (): Promise<void> => {
    clearTimeout(idle);
    const ending = worker;
    worker = undefined;
    await ending?.terminate();
  };
  const start = (): Worker => {
    const made = new Worker(new URL("./parse-worker.ts", import.meta.url));
    // Its end is told to whoever waits for an answer; without a listener an error would end the process.
    made.on("error", () => undefined);
    made.unref();
    return made;
  };
  const fill = async (files: readonly SourceFile[], parsed: Map<string, ParsedFile>): Promise<void> => {
    clearTimeout(idle);
    const over = new AbortController();
    try {
      worker ??= start();
      const gone = once(worker, "exit", { signal: over.signal }).then(
        () => undefined,
        () => undefined,
      );
      for (const file of files) {
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
        worker.postMessage(file);
        // One at a time: a flood of answers would hold this thread up as the reading would have.
        const answer = (await Promise.race([once(worker, "message", { signal: over.signal }), gone])) as [ParsedFile] | undefined;
        if (answer === undefined) return void (worker = undefined);
        parsed.set(file.blob, answer[0]);
      }
    } catch {
      await end();
    } finally {
      over.abort();
      idle = setTimeout(() => void end(), idleMs);
      idle.unref();
    }
  };
  let tail: Promise<void> = Promise.resolve();
  return {
    fill(files, parsed) {
      if (files.reduce((bytes, file) => bytes + file.size, 0) < worthIt) return Promise.resolve();
      // One after the other: an answer says nothing of whose question it is.
      return (tail = tail.then(() => fill(files, parsed)));
    },
    close: end,
  };
}
