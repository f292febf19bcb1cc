import type { ActionContext } from "../../agent/runtime/verbs.ts";
import type { ActionInput } from "../../schemas/verbs/index.ts";
import { parseSize, printSize } from "../../schemas/proxmox/properties.ts";
import { type Around, atWork, impossible, shown } from "../cluster/around.ts";
import { type PendingLine, readPending } from "../pve/guest-config.ts";

/** Action `guest.resize`: grows a disk; one that has the size is left alone, one that is larger cannot shrink. */
export const resizeGuest =
  (around: Around) =>
  async ({ guest, disk, size }: ActionInput<"guest.resize">, context: ActionContext): Promise<undefined> => {
    const work = await atWork(around, guest, context);
    const value = readPending(work.guest.type, (await work.get("/pending")) as PendingLine[]).next[disk],
      have = typeof value === "object" ? parseSize(value["size"]) : undefined;
    if (value === undefined) throw impossible(`Unable to resize ${disk} of ${shown(work.guest)}: it has no such disk`);
    if (have !== undefined && have >= size) {
      if (have > size)
        throw impossible(
          `Unable to resize ${disk} of ${shown(work.guest)} to ${printSize(size)}: it has ${printSize(have)}, and disks cannot shrink`,
        );
      return undefined;
    }
    await work.send(
      "PUT",
      "/resize",
      { disk, size: printSize(size) },
      { what: `resize ${disk} of`, types: ["resize"], part: `resize ${disk}` },
    );
    return undefined;
  };
