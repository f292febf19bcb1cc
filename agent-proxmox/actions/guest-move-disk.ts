import type { ActionContext } from "../../agent/runtime/verbs.ts";
import type { ActionInput } from "../../schemas/verbs/index.ts";
import { storageOf } from "../../schemas/proxmox/properties.ts";
import { type Around, atWork, impossible, shown } from "../cluster/around.ts";
import { type PendingLine, readPending } from "../pve/guest-config.ts";

/** Action `guest.move-disk`: to another storage; the old volume goes unless it is to be kept. */
export const moveDisk =
  (around: Around) =>
  async ({ guest, disk, storage, keep, format }: ActionInput<"guest.move-disk">, context: ActionContext): Promise<undefined> => {
    const work = await atWork(around, guest, context),
      vm = work.guest.type === "vm";
    const value = readPending(work.guest.type, (await work.get("/pending")) as PendingLine[]).next[disk];
    if (typeof value !== "object") throw impossible(`Unable to move ${disk} of ${shown(work.guest)}: it has no such disk`);
    if (storageOf(value["volume"]) === storage) return undefined;
    const params = {
      [vm ? "disk" : "volume"]: disk,
      storage,
      ...(keep === true ? {} : { delete: true }),
      ...(vm && format !== undefined ? { format } : {}),
    };
    await work.send("POST", vm ? "/move_disk" : "/move_volume", params, {
      what: `move ${disk} to ${storage} of`,
      types: [vm ? "qmmove" : "move_volume"],
      part: `move ${disk}`,
    });
    return undefined;
  };
