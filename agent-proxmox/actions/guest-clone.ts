import type { ActionContext } from "../../agent/runtime/verbs.ts";
import { error, ProblemError } from "../../schemas/problem.ts";
import type { ActionInput } from "../../schemas/verbs/index.ts";
import { type Around, atWork, impossible } from "../cluster/around.ts";
import { makeGuest } from "../cluster/make.ts";
import { mustResolve, readGuests } from "../cluster/resolve.ts";
import { markedDescription } from "../pve/guest-config.ts";
import { guestPath, type PlacedGuest, type ResourceLine } from "../pve/rows.ts";

/** Action `guest.clone`: made where the source is, and moved where its disks' storage is not shared; clones of one source go one after the other (see claims). */
export const cloneGuest =
  (around: Around) =>
  async ({ guest, from, node, full, snapshot, storage, pool }: ActionInput<"guest.clone">, context: ActionContext): Promise<string> => {
    const source =
      typeof from === "number" ? await byId(from, around, context) : await mustResolve(from, around.client, around.known, context.signal);
    if (source.type !== guest.type)
      throw impossible(`Unable to clone ${source.name} (${source.id}): it is a ${source.type}, and ${guest.name} is to be a ${guest.type}`);
    const direct = source.node !== node && (await isShared(source, storage, around, context));
    const copy = full === true || source.template !== true;
    const id = await makeGuest(
      guest,
      {
        node,
        at: source.node,
        taskGuest: source.id,
        path: `${guestPath(source)}/clone`,
        params: (newid) => ({
          newid,
          [guest.type === "vm" ? "name" : "hostname"]: guest.name,
          description: markedDescription("", guest.resource, newid),
          ...(copy ? { full: true } : {}),
          ...(snapshot === undefined ? {} : { snapname: snapshot }),
          ...(storage !== undefined && copy ? { storage } : {}),
          ...(pool === undefined ? {} : { pool }),
          ...(direct ? { target: node } : {}),
        }),
        types: [guest.type === "vm" ? "qmclone" : "vzclone"],
        what: `clone ${source.name} to`,
      },
      around,
      context,
    );
    const work = await atWork(around, { ...guest, id }, context);
    if (work.guest.node !== node) {
      context.progress(`moving ${id} from ${work.guest.node} to ${node}`);
      const type = guest.type === "vm" ? "qmigrate" : "vzmigrate";
      await work.send(
        "POST",
        "/migrate",
        { target: node, ...(guest.type === "vm" ? { "with-local-disks": true } : {}) },
        { what: `move to ${node}`, types: [type], part: "move the clone" },
      );
    }
    return `${guest.type} ${id}, cloned from ${source.id}`;
  };

async function byId(id: number, { client }: Around, { signal }: ActionContext): Promise<PlacedGuest> {
  const found = (await readGuests(client, signal)).find((guest) => guest.id === id);
  if (found === undefined) throw new ProblemError(error("guest/missing", `Unable to clone guest ${id}: the cluster has none`));
  return found;
}

/** Whether every disk of the source lies where the other node reaches it: then the clone can be made there. */
async function isShared(source: PlacedGuest, storage: string | undefined, { client }: Around, { signal }: ActionContext): Promise<boolean> {
  const [config, lines] = (await Promise.all([
    client.request("GET", `${guestPath(source)}/config`, {}, { signal }),
    client.request("GET", "/cluster/resources", { type: "storage" }, { signal }),
  ])) as [Record<string, unknown>, ResourceLine[]];
  const used = Object.entries(config)
    .filter(([key]) => /^(ide|sata|scsi|virtio|mp)\d+$|^(rootfs|efidisk0|tpmstate0)$/.test(key))
    .map(([, value]) => /^(?:file=|volume=)?([A-Za-z][\w.-]*):/.exec(String(value))?.[1])
    .filter((name) => name !== undefined);
  return [...used, ...(storage === undefined ? [] : [storage])].every((name) =>
    lines.some((line) => line.storage === name && line.shared === 1),
  );
}
