import type { ActionContext } from "../../agent/runtime/verbs.ts";
import type { ActionInput } from "../../schemas/verbs/index.ts";
import { type Around, needsOf, shown } from "../cluster/around.ts";
import { change } from "../cluster/change.ts";
import { mustResolve } from "../cluster/resolve.ts";

/** Action `guest.backup`: a backup made now. */
export const backUpGuest =
  (around: Around) =>
  async (
    { guest, storage, mode = "snapshot", compress = "zstd", protected: keep, notes }: ActionInput<"guest.backup">,
    context: ActionContext,
  ): Promise<string | undefined> => {
    const found = await mustResolve(guest, around.client, around.known, context.signal);
    const end = await change(
      {
        method: "POST",
        path: `/nodes/${found.node}/vzdump`,
        params: {
          vmid: found.id,
          storage,
          mode,
          compress: compress === "none" ? "0" : compress,
          ...(keep === true ? { protected: true } : {}),
          ...(notes === undefined ? {} : { "notes-template": notes }),
        },
        node: found.node,
        guest: found.id,
        types: ["vzdump"],
        part: "backup",
        what: `back up ${shown(found)}`,
      },
      needsOf(around, context),
    );
    return end?.log.find((line) => /creating (vzdump|.*) archive/.test(line));
  };
