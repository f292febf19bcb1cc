import type { ActionInput } from "../../schemas/verbs/index.ts";
import type { PackagePlatform } from "../platform/packages/platform.ts";
import { managerFor } from "../probes/package.ts";
import { claiming } from "../runtime/claiming.ts";
import type { ActionContext } from "../runtime/verbs.ts";

/** Action `package.set`: installed, in a version where one is given, or removed. */
export const setPackage =
  (packages: PackagePlatform | undefined) =>
  async (input: ActionInput<"package.set">, context: ActionContext): Promise<string> => {
    const manager = managerFor(packages, input);
    const before = await manager.read(input.name, context.signal);
    const claim = `package:${input.name}`,
      present = input.state === "present";
    const owned = context.memory.owned().find((known) => known.claim === claim);
    const next = { resource: context.resource, at: Date.now(), created: owned?.created ?? !before.installed };
    return claiming(
      context.memory,
      claim,
      present ? next : undefined,
      () => manager.set(input, context),
      // What failed or took too long may have come about all the same, or be under way.
      async () => {
        const now = await manager.read(input.name, AbortSignal.timeout(30_000));
        return now.changing === true || now.installed === present;
      },
    );
  };
