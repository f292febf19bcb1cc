import { parentPort } from "node:worker_threads";
import type { SourceFile } from "../core/model.ts";
import { parseFile } from "../core/parse-file.ts";
import { kinds } from "../kinds/index.ts";

// Reads one file for each message and answers with what it says.
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
parentPort?.on("message", (file: SourceFile) => parentPort?.postMessage(parseFile(file, kinds)));
