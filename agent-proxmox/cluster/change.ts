import { setTimeout as sleep } from "node:timers/promises";
import { error, ProblemError } from "../../schemas/problem.ts";
import type { Method, PveClient } from "../pve/client.ts";
import type { Params } from "../pve/form.ts";
import { problemOfPve, PveError } from "../pve/pve-error.ts";
import { findTask, type TaskEnd, waitForTask } from "../pve/task.ts";
import { parseUpid } from "../pve/upid.ts";
import type { Journal } from "./journal.ts";

/** A request that changes a guest. */
export interface ChangeRequest {
  readonly method: Exclude<Method, "GET">;
  readonly path: string;
  readonly params?: Params | undefined;
  readonly node: string;
  readonly guest: number;
  /** Task types that it begins; none: it is done when it is answered, and can be repeated. */
  readonly types: readonly string[];
  /** Names it among the requests of its step. */
  readonly part: string;
  /** "start container 118", for messages. */
  readonly what: string;
  /** Writes down that its task is done, before the note that finds it again goes. */
  readonly done?: (() => Promise<void>) | undefined;
}

export interface ChangeNeeds {
  readonly client: PveClient;
  readonly journal: Journal;
  readonly step: string;
  readonly signal: AbortSignal;
  readonly progress: (text: string) => void;
  readonly now: () => number;
}

/** Waits between attempts that a lock or a missing worker sent away, in milliseconds. */
const waits = [500, 1000, 2000, 4000, 8000];

/**
 * Sends a request once and waits for its task. What a crash interrupted is found again by the journal: a task whose UPID is known is waited for, one whose answer
 * was lost is looked for; it is never sent a second time unless Proxmox VE said itself that it did nothing.
 */
export async function change(request: ChangeRequest, needs: ChangeNeeds): Promise<TaskEnd | undefined> {
  const { client, journal, step, signal, progress } = needs;
  const waited = request.types.length > 0,
    earlier = waited ? journal.find(step, request.part) : undefined;
  let upid =
    earlier === undefined
      ? undefined
      : await again({ ...request, node: earlier.node, guest: earlier.guest }, earlier.at, earlier.upid, needs);
  for (let attempt = 0; upid === undefined; attempt += 1) {
    signal.throwIfAborted();
    const at = needs.now();
    if (waited) await journal.note({ step, part: request.part, node: request.node, types: request.types, guest: request.guest, at });
    try {
      const answer = await client.request(request.method, request.path, request.params, { signal });
      // No UPID: it was so already.
      if (!waited || typeof answer !== "string") return undefined;
      upid = answer;
    } catch (failure) {
      if (!(failure instanceof PveError)) throw failure;
      // Without a task the guest itself tells: whoever asked looks again.
      if (failure.mayBeDone && !waited) return undefined;
      if (failure.mayBeDone) upid = await again(request, at, undefined, needs, lostWaits);
      else {
        if (waited) await journal.forget(step, request.part);
        if ((failure.kind !== "busy" && failure.kind !== "locked") || attempt >= waits.length)
          throw new ProblemError(problemOfPve(failure, request.what), { cause: failure });
        progress(`${failure.message}; trying again`);
        await sleep(waits[attempt], undefined, { signal });
      }
    }
  }
  const task = parseUpid(upid);
  if (task === undefined)
    throw new ProblemError(error("pve/failed", `Unable to ${request.what}: the answer is no task: ${upid.slice(0, 200)}`));
  await journal.note({
    step,
    part: request.part,
    node: request.node,
    types: request.types,
    guest: request.guest,
    at: task.startedAt,
    upid,
  });
  const end = await waitForTask(client, task, { signal, progress });
  if (end.outcome === "done") await request.done?.();
  if (end.outcome !== "unknown") await journal.forget(step, request.part);
  if (end.outcome === "done") return end;
  throw new ProblemError(
    error(`pve/task-${end.outcome}`, `Unable to ${request.what}: ${end.text}`, {
      detail: end.log.slice(-10).join("\n"),
      retry: passing(end.text) ? "later" : "never",
    }),
  );
}

/** Waits between looks for a task whose request may still be on its way to a worker, in milliseconds. */
const lostWaits = [500, 1000, 2000, 4000];

/** What a request came to whose answer is not known: its task, or a failure that says so. */
async function again(
  { node, types, guest, what }: ChangeRequest,
  since: number,
  upid: string | undefined,
  { client, signal }: ChangeNeeds,
  looks: readonly number[] = [],
): Promise<string> {
  if (upid !== undefined) return upid;
  for (const wait of [...looks, undefined]) {
    const found = await findTask(client, node, { types, id: String(guest), since });
    if (found !== undefined) return found.upid;
    if (wait !== undefined) await sleep(wait, undefined, { signal });
  }
  throw new ProblemError(
    error("pve/answer-lost", `Unable to tell whether it was done to ${what}: the answer was lost, and node ${node} lists no such task`, {
      retry: "later",
      hint: "It is planned anew from what the guest is now.",
    }),
  );
}

/** Failures of tasks that a moment later may not meet. */
const passing = (text: string): boolean => /got timeout|is locked|no quorum|got no worker/i.test(text);
