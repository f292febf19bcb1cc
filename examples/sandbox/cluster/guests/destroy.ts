import { type Call, endpoint, type Endpoint, type Endpoints, guestOf, refuseSkiplock, startTask, textIn, yesIn } from "../endpoint.ts";
import { sidOf } from "../ha-view.ts";
import { lockPath } from "../locks.ts";
import { flag, oneOf } from "../parameters.ts";
import { need } from "../permissions.ts";
import { failed } from "../refused.ts";
import { type Guest, type GuestKind, type State, word } from "../state.ts";
import { disksOf, drop, isCdrom, keep, volumeAt } from "../volumes.ts";
import { checkLock, isProtected } from "./config.ts";
import { freeDisks, strayVolumes } from "./disks.ts";
import { goesDown } from "./running.ts";

/** A disk of this guest on which the disk of another one builds. */
const inUse = (state: State, guest: Guest): string | undefined => {
  const mine = new Set(disksOf(guest.config).map(({ volid }) => volid));
  for (const volume of state.volumes.values())
    if (volume.parent !== undefined && mine.has(volume.parent) && volume.vmid !== guest.id) return volume.parent;
  return undefined;
};

function refuse(call: Call, guest: Guest): void {
  const { state } = call,
    name = `${word(guest.kind)} ${guest.id}`;
  if (isProtected(guest)) throw failed(`can't remove ${name} - protection mode enabled`);
  if (state.ha.resources.has(sidOf(guest)) && !yesIn(call, "purge"))
    throw failed(`unable to remove ${name} - used in HA resources and purge parameter not set.`);
  if (guest.kind === "lxc") {
    checkLock(guest);
    if (guest.running && !yesIn(call, "force")) throw failed(`unable to destroy ${name} - container is running`);
  } else if (guest.running) throw failed(`${name} is running - destroy failed`);
}

const destroy =
  (kind: GuestKind) =>
  (call: Call): string => {
    const { state } = call,
      guest = guestOf(call, kind),
      name = `${word(kind)} ${guest.id}`;
    refuseSkiplock(call);
    refuse(call, guest);
    return startTask(call, kind === "lxc" ? "vzdestroy" : "qmdestroy", guest.id, (worker) =>
      worker.lock(lockPath(kind, guest.id), state.pace.lockWait, async () => {
        checkLock(guestOf(call, kind));
        if (guest.running) {
          worker.log(`forced to stop ${name} before destroying!`);
          await worker.wait(state.pace.task / 2);
          goesDown(state, guest);
        }
        const base = inUse(state, guest);
        if (base !== undefined) throw failed(`base volume '${base}' is still in use by linked cloned`);
        await worker.wait(state.pace.task);
        freeDisks(state, guest.config, guest.id, guest.node, (line) => worker.log(line));
        for (const snapshot of guest.snapshots.values()) {
          const memory = snapshot.vmstate === undefined ? undefined : volumeAt(state, snapshot.vmstate, guest.node);
          if (memory !== undefined) drop(state, memory);
        }
        if (call.params["destroy-unreferenced-disks"] === 1)
          for (const volume of strayVolumes(state, guest.id, guest.node)) drop(state, volume);
        if (yesIn(call, "purge")) {
          worker.log(`purging ${name} from related configurations..`);
          state.ha.resources.delete(sidOf(guest));
          for (const job of state.jobs.values()) {
            const { vmid } = job;
            if (vmid !== undefined)
              job["vmid"] = String(vmid)
                .split(",")
                .filter((id) => id !== String(guest.id))
                .join(",");
          }
        }
        state.guests.delete(guest.id);
        for (const pool of state.pools.values()) pool.guests.delete(guest.id);
        state.acl = state.acl.filter((line) => line.path !== `/vms/${guest.id}`);
      }),
    );
  };

/** Turns a guest into a template: its disks become bases that are never written again. */
const template =
  (kind: GuestKind) =>
  (call: Call): string | undefined => {
    const { state } = call,
      guest = guestOf(call, kind);
    checkLock(guest);
    if (guest.snapshots.size > 0) throw failed(`unable to create template, because ${word(kind)} contains snapshots`);
    if (guest.config["template"] === 1)
      throw failed(kind === "lxc" ? "you can't convert a template to a template" : "you can't convert a template to a template");
    if (guest.running)
      throw failed(
        kind === "lxc" ? "you can't convert a CT to template if the CT is running" : "you can't convert a VM to template if VM is running",
      );
    const upid = startTask(call, kind === "lxc" ? "vztemplate" : "qmtemplate", guest.id, (worker) =>
      worker.lock(lockPath(kind, guest.id), state.pace.lockWait, async () => {
        await worker.wait(state.pace.task);
        guest.config["template"] = 1;
        for (const { key, volid, value } of disksOf(guest.config)) {
          const volume = volumeAt(state, volid, guest.node);
          if (volume === undefined || isCdrom(value) || key.startsWith("unused") || (textIn(call, "disk") ?? key) !== key) continue;
          const base = volid.replace(/(vm|subvol)-(\d+)-disk/, "base-$2-disk").replace(/^([^:]+):.*\/(\d+\/[^/]+)$/, "$1:$2");
          drop(state, volume);
          keep(state, { ...volume, volid: base, parent: undefined });
          guest.config[key] = value.replace(volid, base);
        }
        state.changed(guest);
      }),
    );
    return kind === "lxc" ? undefined : upid;
  };

const rights = need("/vms/{vmid}", "VM.Allocate");
const removal = { purge: flag, "destroy-unreferenced-disks": flag };
const of = (kind: GuestKind, parameters: Endpoint["parameters"], disk: Endpoint["parameters"]): Endpoints => ({
  [`DELETE /nodes/{node}/${kind}/{vmid}`]: endpoint(rights, parameters, destroy(kind)),
  [`POST /nodes/{node}/${kind}/{vmid}/template`]: endpoint(rights, disk, template(kind)),
});

/** The end of guests, and their change into templates. */
export const destroyEndpoints: Endpoints = {
  ...of("lxc", { ...removal, force: flag }, {}),
  ...of("qemu", { ...removal, skiplock: flag }, { disk: oneOf("scsi0", "virtio0", "sata0", "ide0") }),
};
