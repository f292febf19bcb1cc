import type { ActionInput } from "../../schemas/verbs/index.ts";
import type { Loads } from "../platform/services/loads.ts";
import type { ServicePlatform } from "../platform/services/platform.ts";
import type { ActionContext } from "../runtime/verbs.ts";

/** Action `service.restart`: stops and starts a unit; starts one that does not run. */
export const restartService =
  (services: ServicePlatform, loads: Loads) =>
  async ({ unit }: ActionInput<"service.restart">, context: ActionContext): Promise<undefined> => {
    context.progress(`restarting ${unit}`);
    const at = Date.now();
    await services.restart(unit, context.signal);
    await loads.loaded(unit, at);
  };
