import { setTimeout as sleep } from "node:timers/promises";
import type { PveClient } from "./client.ts";
import { PveError } from "./pve-error.ts";
import { parseUpid, type Upid } from "./upid.ts";

/** How a task ended. `WARNINGS: n` counts as done; `unknown`: it is over, and nobody knows how. */
export interface TaskEnd {
  readonly upid: string;
  readonly outcome: "done" | "failed" | "unknown";
  /** `OK`, `WARNINGS: 2`, or what went wrong. */
  readonly text: string;
  /** The last lines of its log. */
  readonly log: readonly string[];
}

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
  /** A new line of its log. */
  readonly progress?: ((line: string) => void) | undefined;
  /** First and longest wait between looks, in milliseconds. */
  readonly pollMs?: readonly [number, number] | undefined;
}

const keptLines = 50;
/** Right after a task began its status can be unknown to the node: 400 no such task. */
const youngMs = 10_000;

/** Waits until a task is over, however often its node is out of reach meanwhile; rejects only when told to stop. */
export async function waitForTask(client: PveClient, task: Upid, options: WaitOptions = {}): Promise<TaskEnd> {
  const path = `/nodes/${task.node}/tasks/${encodeURIComponent(task.upid)}`,
    [first, longest] = options.pollMs ?? [200, 2000],
    log: string[] = [],
    began = Date.now();
  let read = 0;
  const readLog = async (): Promise<void> => {
    const lines = (await client.request("GET", `${path}/log`, { start: read, limit: 500 }, { signal: options.signal })) as {
      n: number;
      t: string;
    }[];
    for (const { t } of lines.filter((line) => line.t !== "no content")) {
      log.push(t);
      options.progress?.(t);
    }
    read += lines.length;
    log.splice(0, Math.max(0, log.length - keptLines));
  };
  for (let wait = first; ; wait = Math.min(longest, wait * 1.5)) {
    options.signal?.throwIfAborted();
    try {
      const { status, exitstatus } = (await client.request("GET", `${path}/status`, {}, { signal: options.signal })) as {
        status: string;
        exitstatus?: string;
      };
      await readLog().catch(() => undefined);
      if (status !== "running") return { upid: task.upid, ...endOf(exitstatus), log };
    } catch (failure) {
      options.signal?.throwIfAborted();
      if (!(failure instanceof PveError)) throw failure;
      const young = failure.kind === "parameter" && Date.now() - began < youngMs;
      if (failure.kind === "parameter" && !young)
        return { upid: task.upid, outcome: "unknown", text: "the node does not know the task any more", log };
      if (failure.kind === "login" || failure.kind === "right") throw failure;
    }
    await sleep(wait, undefined, { signal: options.signal });
  }
}

/** What an exit status says. */
export function endOf(exitstatus: string | undefined): Pick<TaskEnd, "outcome" | "text"> {
  const text = exitstatus ?? "unexpected status";
  if (text === "OK" || /^WARNINGS: \d+$/.test(text)) return { outcome: "done", text };
  return { outcome: text === "unexpected status" ? "unknown" : "failed", text };
}

interface TaskLine {
  readonly upid: string;
  readonly type: string;
  readonly id?: string;
  readonly user: string;
  readonly starttime: number;
}

/**
 * Looks for a task that a request began whose answer was lost: same type, guest and user, begun at or after `since` (milliseconds by the node's clock, less a
 * second for its whole seconds). Undefined: none is found, which does not say that there was none.
 */
export async function findTask(
  client: PveClient,
  node: string,
  of: { readonly types: readonly string[]; readonly id: string; readonly since: number },
): Promise<Upid | undefined> {
  const lines = (await client.request("GET", `/nodes/${node}/tasks`, { source: "all", vmid: Number(of.id), limit: 50 })) as TaskLine[];
  const mine = lines
    .filter((line) => of.types.includes(line.type) && line.id === of.id && line.starttime * 1000 >= of.since - 1000)
    .filter((line) => userOf(line) === client.who)
    .sort((a, b) => a.starttime - b.starttime)[0];
  return parseUpid(mine?.upid);
}

/** Lists give a token's user without the token; the UPID has both. */
const userOf = (line: TaskLine): string => parseUpid(line.upid)?.user ?? line.user;
