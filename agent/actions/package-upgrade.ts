import type { ActionInput } from "../../schemas/verbs/index.ts";
import type { PackagePlatform } from "../platform/packages/platform.ts";
import { managerFor } from "../probes/package.ts";
import type { ActionContext } from "../runtime/verbs.ts";

/** Action `package.upgrade`: the newest version that the host's sources have; remembers when. */
export const upgradePackage =
  (packages: PackagePlatform | undefined) =>
  async (input: ActionInput<"package.upgrade">, context: ActionContext): Promise<string> => {
    const manager = managerFor(packages, input);
    const startedAt = Date.now();
    const output = await manager.upgrade(input.name, context);
    await context.memory.rememberUpgrade(input.name, startedAt);
    const claim = `package:${input.name}`;
    const owned = context.memory.owned().find((known) => known.claim === claim);
    await context.memory.own({ claim, resource: context.resource, at: Date.now(), created: owned?.created ?? false });
    return output;
  };
