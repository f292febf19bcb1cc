import type { ActionContext } from "../../agent/runtime/verbs.ts";
import type { ActionInput } from "../../schemas/verbs/index.ts";
import { type Around, atWork } from "../cluster/around.ts";

/** Action `guest.pool`: a guest belongs to one pool at most; the other members stay. */
export const setPool =
  (around: Around) =>
  async ({ guest, pool }: ActionInput<"guest.pool">, context: ActionContext): Promise<undefined> => {
    const { guest: found } = await atWork(around, guest, context),
      { client } = around,
      { signal } = context;
    if (found.pool === (pool ?? undefined)) return undefined;
    if (found.pool !== undefined) await client.request("PUT", `/pools/${found.pool}`, { vms: String(found.id), delete: true }, { signal });
    if (pool !== null) await client.request("PUT", `/pools/${pool}`, { vms: String(found.id) }, { signal });
    return undefined;
  };
