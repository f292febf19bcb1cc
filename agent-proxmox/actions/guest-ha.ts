import type { ActionContext } from "../../agent/runtime/verbs.ts";
import type { ActionInput } from "../../schemas/verbs/index.ts";
import { type Around, atWork } from "../cluster/around.ts";
import { sidOf } from "../cluster/ha.ts";
import type { Params } from "../pve/form.ts";

/** Action `guest.ha`: under HA with these settings, or not (`ha: null`). Settings that are not mentioned stay. */
export const setHa =
  (around: Around) =>
  async ({ guest, ha }: ActionInput<"guest.ha">, context: ActionContext): Promise<undefined> => {
    const work = await atWork(around, guest, context),
      { client } = around,
      { signal } = context,
      sid = sidOf(work.guest);
    const there = ((await client.request("GET", "/cluster/ha/resources", {}, { signal })) as { sid: string }[]).some(
      (one) => one.sid === sid,
    );
    if (ha === null) {
      if (there) await client.request("DELETE", `/cluster/ha/resources/${sid}`, {}, { signal });
      return undefined;
    }
    const params: Params = {
      state: ha.state,
      group: ha.group,
      max_restart: ha.maxRestart,
      max_relocate: ha.maxRelocate,
      comment: ha.comment,
    };
    if (there) await client.request("PUT", `/cluster/ha/resources/${sid}`, params, { signal });
    else await client.request("POST", "/cluster/ha/resources", { sid, ...params }, { signal });
    return undefined;
  };
