import type { ActionInput } from "../../schemas/verbs/index.ts";
import type { Loads } from "../platform/services/loads.ts";
import type { ServicePlatform } from "../platform/services/platform.ts";
import type { ActionContext } from "../runtime/verbs.ts";

/** Action `service.restart`: stops and starts a unit; starts one that does not run. */
export const restartService =
  (services: ServicePlatform, loads: Loads) =>
  async ({ unit }: ActionInput<"service.restart">, context: ActionContext): Promise<undefined> => {
    context.progress(`restarting ${unit}`);
    // An agent that was killed may have written drop-ins and not told the init system.
    if (loads.due(unit).length > 0) await services.reread();
    const marks = loads.marked(unit, "start");
    await services.restart(unit, context.signal);
    await loads.loaded(marks);
  };
