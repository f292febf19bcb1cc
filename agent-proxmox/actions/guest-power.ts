import type { ActionContext } from "../../agent/runtime/verbs.ts";
import type { ActionInput } from "../../schemas/verbs/index.ts";
import { PveError } from "../pve/pve-error.ts";
import { type Around, type AtWork, atWork } from "../cluster/around.ts";
import { sidOf, underHa, until } from "../cluster/ha.ts";

/** A guest that does not follow its shutdown is given this long, in milliseconds, where the step does not say. */
const defaultMs = 180_000;

/** Action `guest.power`: starts, or shuts down; through HA where HA holds the guest. */
export const powerGuest =
  (around: Around) =>
  async ({ guest, to, force, withinMs = defaultMs }: ActionInput<"guest.power">, context: ActionContext): Promise<undefined> => {
    const work = await atWork(around, guest, context);
    const current = async () => (await work.get("/status/current")) as { status: string; qmpstatus?: string };
    const isNow = async (): Promise<string | undefined> => {
      const there = await atWork(around, { ...guest, id: work.guest.id }, context);
      try {
        return ((await there.get("/status/current")) as { status: string }).status;
      } catch (failure) {
        // On its way from one node to another.
        if (failure instanceof PveError && (failure.kind === "missing" || failure.kind === "unreachable")) return undefined;
        throw failure;
      }
    };
    const { status, qmpstatus } = await current();
    // A VM that is paused runs for the API, and does not for those who use it.
    if (to === "running" && (qmpstatus === "paused" || qmpstatus === "suspended")) {
      await work.send("POST", "/status/resume", {}, { what: "resume", types: ["qmresume"], part: "resume" });
      return undefined;
    }
    if (status === to) return undefined;
    if (await underHa(around.client, work.guest, context.signal)) {
      await around.client.request(
        "PUT",
        `/cluster/ha/resources/${sidOf(work.guest)}`,
        { state: to === "running" ? "started" : "stopped" },
        { signal: context.signal },
      );
      context.progress(`HA is asked to bring it to ${to}`);
      // HA may start it on another node.
      await until(async () => (await isNow()) === to, context.signal);
      return undefined;
    }
    if (to === "running") await startGuest(work);
    else await shutDown(work, force === true, withinMs);
    return undefined;
  };

/** Starts a guest. */
export const startGuest = (work: AtWork): Promise<unknown> =>
  work.send("POST", "/status/start", {}, { what: "start", types: [work.guest.type === "vm" ? "qmstart" : "vzstart"], part: "start" });

/** Shuts a guest down; `force`: stops it hard where it does not follow in time. */
export const shutDown = (work: AtWork, force: boolean, withinMs: number): Promise<unknown> =>
  work.send(
    "POST",
    "/status/shutdown",
    { timeout: Math.ceil(withinMs / 1000), ...(force ? { forceStop: true } : {}) },
    { what: "shut down", types: [work.guest.type === "vm" ? "qmshutdown" : "vzshutdown"], part: "shut down" },
  );
