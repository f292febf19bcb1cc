import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";

/** Builds the agent before the tests on hosts, so that they never install an older one; for vitest's `globalSetup`. */
export default async function buildAgent(): Promise<void> {
  await promisify(execFile)(process.execPath, [resolve(import.meta.dirname, "../../agent/release/build.ts")]);
}
