import type { ActionContext } from "../../agent/runtime/verbs.ts";
import type { ActionInput } from "../../schemas/verbs/index.ts";
import { type Around, atWork, impossible, shown } from "../cluster/around.ts";
import { until } from "../cluster/ha.ts";
import { shutDown, startGuest } from "./guest-power.ts";

/** Action `guest.restart`: a reboot, in which Proxmox VE takes pending values over. Its task ends before the guest runs again. */
export const restartGuest =
  (around: Around) =>
  async ({ guest, force, withinMs = 180_000 }: ActionInput<"guest.restart">, context: ActionContext): Promise<undefined> => {
    const work = await atWork(around, guest, context);
    const current = async (): Promise<{ status: string; uptime?: number; pid?: number }> => (await work.get("/status/current")) as never;
    // One that this step sent before the agent ended: what runs now may be the new start already.
    const begun = around.journal.find(context.step, "restart") !== undefined;
    const before = await current();
    if (!begun && before.status !== "running") throw impossible(`Unable to restart ${shown(work.guest)}: it does not run`);
    if (force === true) {
      await shutDown(work, true, withinMs);
      await startGuest(work);
    } else {
      const type = work.guest.type === "vm" ? "qmreboot" : "vzreboot";
      await work.send(
        "POST",
        "/status/reboot",
        { timeout: Math.ceil(withinMs / 1000) },
        { what: "restart", types: [type], part: "restart" },
      );
    }
    await until(async () => {
      const now = await current();
      return (
        now.status === "running" &&
        (begun || (now.uptime ?? 0) < (before.uptime ?? 0) || (now.pid !== undefined && now.pid !== before.pid) || (before.uptime ?? 0) < 3)
      );
    }, context.signal);
    return undefined;
  };
