import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeDurably } from "./durable.ts";
import { type Log, reasonOf } from "./log.ts";
import type { LinkState } from "./link.ts";

/** What `status` shows of a running agent. */
export interface AgentStatus extends LinkState {
  readonly pid: number;
  readonly version: string;
}

const pathOf = (stateDir: string): string => join(stateDir, "status.json");

/** Notes each change of the connection for `status`, one write after the other. */
export function statusFile(stateDir: string, version: string, log: Log): (state: LinkState) => void {
  let last: Promise<void> = Promise.resolve();
  return (state) => {
    const status: AgentStatus = { ...state, pid: process.pid, version };
    last = last
      .then(() => writeDurably(pathOf(stateDir), `${JSON.stringify(status)}\n`, 0o600))
      .catch((failure: unknown) => log("warn", "unable to note the status", { reason: reasonOf(failure) }));
  };
}

/** The status as it was noted last; undefined where the agent never ran here, or the file is not readable. */
export async function readStatus(stateDir: string): Promise<AgentStatus | undefined> {
  try {
    return JSON.parse(await readFile(pathOf(stateDir), "utf8")) as AgentStatus;
  } catch {
    return undefined;
  }
}
