import type { ActionInput } from "../../schemas/verbs/index.ts";
import type { Loads } from "../platform/services/loads.ts";
import type { ServicePlatform } from "../platform/services/platform.ts";
import { failure } from "../platform/failure.ts";
import { claiming } from "../runtime/claiming.ts";
import type { ActionContext } from "../runtime/verbs.ts";

/** Action `service.set`: drop-ins first, then enablement, then whether it runs; what is as wanted already is left alone. */
export const setService =
  (services: ServicePlatform, loads: Loads) =>
  async (input: ActionInput<"service.set">, context: ActionContext): Promise<undefined> => {
    const { unit } = input;
    const owned = context.memory.owned().find(({ claim }) => claim === `unit:${unit}`);
    const next = { resource: context.resource, at: Date.now(), created: owned?.created ?? false };
    await claiming(context.memory, `unit:${unit}`, next, () => set(input, services, loads, context));
  };

async function set(
  { unit, active, enabled, dropIns }: ActionInput<"service.set">,
  services: ServicePlatform,
  loads: Loads,
  context: ActionContext,
): Promise<void> {
  if (dropIns !== undefined) {
    await loads.markDropIns(unit, Object.keys(dropIns));
    await services.setDropIns(unit, dropIns);
  }
  const { fact } = await services.read(unit);
  if (fact.load === "not-found" && (active === true || enabled === true))
    throw failure("service/not-found", `Unable to set ${unit}: this host has no such unit`);
  if (enabled !== undefined && (fact.enabled === "enabled") !== enabled) await services.setEnabled(unit, enabled);
  if (active === true && fact.active !== "active") {
    context.progress(`starting ${unit}`);
    const marks = loads.marked(unit, "start");
    await services.start(unit, context.signal);
    await loads.loaded(marks);
  } else if (active === false && fact.active !== "inactive") {
    context.progress(`stopping ${unit}`);
    await services.stop(unit, context.signal);
  }
}
