import { type Call, guestOf, textIn } from "../endpoint.ts";
import type { GuestKind } from "../state.ts";
import { disksOf, isCdrom, isShared, storageNamed, volumeAt } from "../volumes.ts";
import { isTemplate } from "./config.ts";

/** Whether a guest's storages let it be copied, linked or kept at a moment. */
export function hasFeature(call: Call, kind: GuestKind): object {
  const { state } = call,
    guest = guestOf(call, kind),
    feature = textIn(call, "feature")!;
  const disks = disksOf(guest.config).filter(({ key, value }) => !key.startsWith("unused") && !isCdrom(value));
  const keeps = disks.every(({ volid }) => {
    const type = String(storageNamed(state, volid.split(":")[0]!).config["type"]);
    return /^(lvmthin|zfspool|btrfs|rbd)$/.test(type) || volumeAt(state, volid, guest.node)?.format === "qcow2";
  });
  const has = feature === "copy" || (feature === "clone" ? isTemplate(guest) || keeps : keeps);
  if (kind === "lxc") return { hasFeature: has ? 1 : 0 };
  const shared = disks.every(({ volid }) => isShared(storageNamed(state, volid.split(":")[0]!)));
  return { hasFeature: has ? 1 : 0, nodes: shared ? [...state.nodes.keys()] : [guest.node] };
}
