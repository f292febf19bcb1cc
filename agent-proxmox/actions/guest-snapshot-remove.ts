import type { ActionContext } from "../../agent/runtime/verbs.ts";
import type { ActionInput } from "../../schemas/verbs/index.ts";
import { type Around, atWork } from "../cluster/around.ts";
import { hasSnapshot } from "./guest-snapshot.ts";

/** Action `guest.snapshot-remove`: one that is gone already is fine. */
export const removeSnapshot =
  (around: Around) =>
  async ({ guest, name }: ActionInput<"guest.snapshot-remove">, context: ActionContext): Promise<undefined> => {
    const work = await atWork(around, guest, context);
    if (!(await hasSnapshot(work, name))) return undefined;
    const type = work.guest.type === "vm" ? "qmdelsnapshot" : "vzdelsnapshot";
    await work.send(
      "DELETE",
      `/snapshot/${name}`,
      {},
      { what: `remove snapshot ${name} of`, types: [type], part: `remove snapshot ${name}` },
    );
    return undefined;
  };
