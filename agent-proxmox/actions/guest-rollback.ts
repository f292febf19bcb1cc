import type { ActionContext } from "../../agent/runtime/verbs.ts";
import type { ActionInput } from "../../schemas/verbs/index.ts";
import { type Around, atWork, impossible, shown } from "../cluster/around.ts";
import { startGuest } from "./guest-power.ts";
import { hasSnapshot } from "./guest-snapshot.ts";

/** Action `guest.rollback`: takes a guest back to a snapshot, remembers when, and starts it where it ran. */
export const rollBackGuest =
  (around: Around) =>
  async ({ guest, name, start }: ActionInput<"guest.rollback">, context: ActionContext): Promise<undefined> => {
    const work = await atWork(around, guest, context);
    if (!(await hasSnapshot(work, name))) throw impossible(`Unable to roll ${shown(work.guest)} back: it has no snapshot ${name}`);
    await work.send(
      "POST",
      `/snapshot/${name}/rollback`,
      {},
      {
        what: `roll back to ${name}`,
        types: [work.guest.type === "vm" ? "qmrollback" : "vzrollback"],
        part: `roll back ${name}`,
        done: () => around.journal.rolledBack(work.guest.id, around.now()),
      },
    );
    const { status } = (await work.get("/status/current")) as { status: string };
    if (start === true && status !== "running") await startGuest(work);
    return undefined;
  };
