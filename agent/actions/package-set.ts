import type { ActionInput } from "../../schemas/verbs/index.ts";
import type { PackagePlatform } from "../platform/packages/platform.ts";
import { managerFor } from "../probes/package.ts";
import type { ActionContext } from "../runtime/verbs.ts";

/** Action `package.set`: installed, in a version where one is given, or removed. */
export const setPackage =
  (packages: PackagePlatform | undefined) =>
  async (input: ActionInput<"package.set">, context: ActionContext): Promise<string> => {
    const manager = managerFor(packages, input);
    const before = await manager.read(input.name, context.signal);
    const output = await manager.set(input, context);
    const claim = `package:${input.name}`;
    const owned = context.memory.owned().find((known) => known.claim === claim);
    if (input.state === "absent") await context.memory.disown(claim);
    else await context.memory.own({ claim, resource: context.resource, at: Date.now(), created: owned?.created ?? !before.installed });
    return output;
  };
