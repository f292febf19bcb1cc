import { setTimeout as pause } from "node:timers/promises";
import type { Controller } from "../../controller/loop/controller.ts";

const me = { name: "sandbox", role: "admin" } as const;

/** Approves what a new fleet needs to be as its manifests say, until nothing differs any more or `patienceMs` are over. */
export async function firstRun(controller: Controller, patienceMs = 60_000): Promise<void> {
  for (const end = Date.now() + patienceMs; Date.now() < end; await pause(50)) {
    const { instances, pendingPlan, running } = controller.status();
    if (running.length > 0 || instances.unknown > 0) continue;
    if (instances.differs + instances.drifted + instances.blocked === 0) return;
    if (pendingPlan !== null) await controller.approve(pendingPlan, me, "the sandbox begins").catch(() => undefined);
  }
}
