import type { ActionContext } from "../../agent/runtime/verbs.ts";
import type { ActionInput } from "../../schemas/verbs/index.ts";
import { type Around, atWork, type AtWork } from "../cluster/around.ts";

/** Whether a guest has a snapshot. */
export const hasSnapshot = async (work: AtWork, name: string): Promise<boolean> =>
  ((await work.get("/snapshot")) as { name: string }[]).some((one) => one.name === name);

/** Action `guest.snapshot`: one that is there already is left alone. */
export const snapshotGuest =
  (around: Around) =>
  async ({ guest, name, description, ram }: ActionInput<"guest.snapshot">, context: ActionContext): Promise<undefined> => {
    const work = await atWork(around, guest, context),
      vm = work.guest.type === "vm";
    if (await hasSnapshot(work, name)) return undefined;
    const params = {
      snapname: name,
      ...(description === undefined ? {} : { description }),
      ...(vm && ram === true ? { vmstate: true } : {}),
    };
    await work.send("POST", "/snapshot", params, {
      what: `take snapshot ${name} of`,
      types: [vm ? "qmsnapshot" : "vzsnapshot"],
      part: `snapshot ${name}`,
    });
    return undefined;
  };
