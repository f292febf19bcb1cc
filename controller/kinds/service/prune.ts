import { act, ask } from "../../../schemas/contract.ts";
import type { Owned } from "../../../schemas/verbs/host.ts";
import { serviceProbe, serviceSet } from "../../../schemas/verbs/service.ts";
import type { PlannedStep } from "../../core/model.ts";

/** A unit that was there before us stays as it is: that we once set its state does not make it ours to stop. */
export function pruneService(owned: Owned): { steps: PlannedStep[]; reason: string } {
  const unit = owned.claim.slice("unit:".length);
  if (!owned.created) return { steps: [], reason: `${unit} was there before Backend AI set its state, so it stays as it is` };
  const goal = { ask: ask(serviceProbe, { unit }), fields: { active: "inactive", enabled: "disabled" } };
  const step: PlannedStep = {
    ...act(serviceSet, { unit, active: false, enabled: false }),
    goal,
    undo: act(serviceSet, { unit, active: true, enabled: true }),
    timeoutMs: 240_000,
  };
  return { steps: [step], reason: `${unit} exists because of ${owned.resource}, which is no longer declared` };
}
