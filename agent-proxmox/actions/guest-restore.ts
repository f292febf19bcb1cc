import type { ActionContext } from "../../agent/runtime/verbs.ts";
import type { ActionInput } from "../../schemas/verbs/index.ts";
import type { Around } from "../cluster/around.ts";
import { makeGuest } from "../cluster/make.ts";
import { PveError } from "../pve/pve-error.ts";
import { markedDescription, readDescription } from "../pve/guest-config.ts";

/** Action `guest.restore`: a guest from a backup, with our marker from the first moment on. */
export const restoreGuest =
  (around: Around) =>
  async ({ guest, node, backup, storage, unique, pool }: ActionInput<"guest.restore">, context: ActionContext): Promise<string> => {
    const vm = guest.type === "vm",
      written = await writtenIn(backup, node, around, context);
    const id = await makeGuest(
      guest,
      {
        node,
        path: `/nodes/${node}/${vm ? "qemu" : "lxc"}`,
        params: (vmid) => ({
          vmid,
          // Given values win over those of the backup, which has the name and the marker of the guest it was made of.
          [vm ? "name" : "hostname"]: guest.name,
          description: markedDescription(written, guest.resource, vmid),
          ...(vm ? { archive: backup } : { ostemplate: backup, restore: true }),
          ...(storage === undefined ? {} : { storage }),
          ...(unique === true ? { unique: true } : {}),
          ...(pool === undefined ? {} : { pool }),
        }),
        types: [vm ? "qmrestore" : "vzrestore"],
        what: `restore ${backup} to`,
      },
      around,
      context,
    );
    return `${guest.type} ${id}, restored from ${backup}`;
  };

/** What people wrote about the guest in a backup; nothing where the backup does not tell. */
async function writtenIn(volume: string, node: string, { client }: Around, { signal }: ActionContext): Promise<string> {
  try {
    const config = String(await client.request("GET", `/nodes/${node}/vzdump/extractconfig`, { volume }, { signal }));
    // Its first lines, each behind a #; what follows the first value belongs to snapshots.
    const lines = config.slice(0, Math.max(0, config.search(/^[^#\n]/m))).match(/^#.*$/gm) ?? [];
    return readDescription(lines.map((line) => decodeURIComponent(line.slice(1))).join("\n"), 0).description;
  } catch (failure) {
    if (failure instanceof PveError || failure instanceof URIError) return "";
    throw failure;
  }
}
