import type { ActionInput } from "../../schemas/verbs/index.ts";
import type { Loads } from "../platform/services/loads.ts";
import type { ServicePlatform } from "../platform/services/platform.ts";
import type { ActionContext } from "../runtime/verbs.ts";

/** Action `service.reload`: a running unit loads its configuration again; one that does not run will do so when it starts. */
export const reloadService =
  (services: ServicePlatform, loads: Loads) =>
  async ({ unit }: ActionInput<"service.reload">, context: ActionContext): Promise<undefined> => {
    const { fact } = await services.read(unit);
    const marks = loads.marked(unit, "reload");
    if (fact.active === "active" || fact.active === "reloading") {
      context.progress(`reloading ${unit}`);
      await services.reload(unit, context.signal);
    }
    await loads.loaded(marks);
  };
