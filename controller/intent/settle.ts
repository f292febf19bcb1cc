import { setTimeout as sleep } from "node:timers/promises";
import { roles } from "../../schemas/api.ts";
import type { Change, Plan } from "../../schemas/plan.ts";
import { ProblemError } from "../../schemas/problem.ts";
import type { Caller, Controller } from "../loop/controller.ts";
import type { Proposal } from "./propose.ts";

/** What became of a committed request. */
export interface Settled {
  readonly status: "running" | "waiting-for-approval" | "done";
  readonly digest?: string | undefined;
  readonly run?: string | undefined;
  readonly waiting?: string | undefined;
}

/** How long new things are waited for to be looked at by the agents, in milliseconds. */
const patience = { answersMs: 10_000, beginMs: 5_000, everyMs: 50 };

/** Whether a role reaches another one. */
export const reachesRole = (role: Caller["role"], least: Caller["role"]): boolean => roles.indexOf(role) >= roles.indexOf(least);

/**
 * After the commit: plans what was touched, and says the caller's yes to that digest, if it holds nothing but what was shown. Where the role or a
 * policy asks for somebody else, the plan waits.
 */
export async function settle(controller: Controller, proposal: Proposal, caller: Caller): Promise<Settled> {
  const ids = await present(controller, proposal);
  await answered(controller, ids);
  const plan = await controller.plan({ ids });
  if (plan.changes.length === 0) return { ...(await running(controller, ids)), ...later(plan) };
  const shown = new Set(proposal.changes.map(({ id }) => id)),
    beyond = plan.changes.filter((change) => !shown.has(change.id));
  if (beyond.length > 0)
    return {
      status: "waiting-for-approval",
      digest: plan.digest,
      waiting: `the hosts changed since it was shown: ${beyond.slice(0, 5).map(say).join("; ")}`,
    };
  if (!plan.approval.needed && !reachesRole(caller.role, "approver")) return byItself(controller, ids, plan.digest);
  if (!reachesRole(caller.role, "approver"))
    return { status: "waiting-for-approval", digest: plan.digest, waiting: "an approver has to say yes" };
  try {
    const decision = await controller.approve(plan.digest, caller, "said yes to the request");
    return {
      status: decision.run === undefined ? "waiting-for-approval" : "running",
      digest: plan.digest,
      run: decision.run,
      waiting: decision.waiting,
    };
  } catch (thrown) {
    if (!(thrown instanceof ProblemError)) throw thrown;
    const found = await running(controller, ids);
    return found.run === undefined ? { status: "waiting-for-approval", digest: plan.digest, waiting: thrown.problems[0]?.summary } : found;
  }
}

/** A plan that needs no yes is begun by the loop itself: its run is waited for a little. */
async function byItself(controller: Controller, ids: readonly string[], digest: string): Promise<Settled> {
  for (const end = performance.now() + patience.beginMs; performance.now() < end; await sleep(patience.everyMs)) {
    const found = await running(controller, ids);
    if (found.run !== undefined) return found;
  }
  return { status: "running", digest };
}

/** What follows by itself, once hosts are back. */
function later({ unknown }: Pick<Plan, "unknown">): { waiting?: string } {
  return unknown.length === 0
    ? {}
    : {
        waiting: unknown
          .slice(0, 10)
          .map(({ id, reason }) => `${id}: ${reason}`)
          .join("; "),
      };
}

const say = (change: Change): string => `${change.host}: ${change.summary}`;

/** The touched resources that are there after the commit. */
async function present(controller: Controller, proposal: Proposal): Promise<string[]> {
  const there = new Set(controller.resources().map(({ id }) => id));
  return [...new Set([...proposal.compiled.touched, ...proposal.changes.map(({ resource }) => resource)])].filter((id) => there.has(id));
}

/** Waits until every online instance was looked at, or patience ends. */
async function answered(controller: Controller, ids: readonly string[]): Promise<void> {
  const online = new Set(
      controller
        .hosts()
        .hosts.filter((host) => host.online)
        .map(({ name }) => name),
    ),
    end = performance.now() + patience.answersMs;
  const open = (): boolean =>
    ids.some((id) =>
      controller
        .resource(id)
        .instances.some(
          (one) =>
            one.state === "unknown" &&
            one.observedAt === undefined &&
            online.has(one.host) &&
            one.reason?.includes("not answered") !== false,
        ),
    );
  while (open() && performance.now() < end) await sleep(patience.everyMs);
}

/** The run that works on it already, where policy let it run by itself; done where nothing is left. */
async function running(controller: Controller, ids: readonly string[]): Promise<Settled> {
  const { items } = await controller.runs({ limit: 5 });
  for (const { id, digest, state } of items) {
    const run = await controller.run(id);
    if (run.changes.some((change) => ids.some((resource) => change.id.startsWith(`${resource}@`)))) {
      if (state === "running") return { status: "running", run: id, digest };
      if (Date.now() - Date.parse(run.startedAt) < 15_000) return { status: "running", run: id, digest };
    }
  }
  return { status: "done" };
}
