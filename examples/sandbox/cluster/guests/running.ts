import { failed } from "../refused.ts";
import { type Guest, type State, word } from "../state.ts";
import type { Worker } from "../tasks.ts";
import { drop, volumeAt } from "../volumes.ts";
import { bridgesOf, checkLock, isTemplate } from "./config.ts";
import { applyPending, hasBridge } from "./pending.ts";

/** Makes a guest run: what waited for its start holds from here on. */
export function goesUp(state: State, guest: Guest): void {
  applyPendingOf(state, guest);
  guest.running = true;
  guest.paused = false;
  guest.startedAt = state.time.now();
  guest.agentAt = state.time.now() + (guest.kind === "qemu" ? state.pace.boot : 0);
  guest.pid = 2000 + state.chance.number(60_000);
  state.changed(guest);
}

/** Makes it stop; what waited for that holds from here on. */
export function goesDown(state: State, guest: Guest): void {
  guest.running = false;
  guest.paused = false;
  guest.inside.processes.clear();
  applyPendingOf(state, guest);
  state.changed(guest);
}

function applyPendingOf(state: State, guest: Guest): void {
  const was = guest.running;
  guest.running = false;
  try {
    applyPending({ state }, guest);
  } finally {
    guest.running = was;
  }
}

/** The work of starting, under the guest's lock. */
export async function start(state: State, guest: Guest, worker: Worker, options: { readonly skiplock?: boolean } = {}): Promise<void> {
  const kind = word(guest.kind);
  if (isTemplate(guest))
    throw failed(guest.kind === "qemu" ? "you can't start a vm if it's a template" : "you can't start a CT if it's a template");
  const resuming = guest.config["lock"] === "suspended";
  if (options.skiplock !== true && !resuming) checkLock(guest);
  if (guest.running) throw failed(`${kind} ${guest.id} already running`);
  const missing = bridgesOf(guest.kind, guest.config).find((bridge) => !hasBridge(state, guest.node, bridge));
  if (missing !== undefined && guest.kind === "lxc") throw failed(`bridge '${missing}' does not exist`);
  if (Object.entries(guest.config).some(([, value]) => /vm-\d+-cloudinit/.test(String(value)))) worker.log("generating cloud-init ISO");
  if (Object.values(guest.config).some((value) => String(value).startsWith("cdrom,media=cdrom")))
    worker.warn("no physical CD-ROM available, ignoring");
  await worker.wait(state.pace.task * (guest.kind === "qemu" ? 2 : 1));
  if (missing !== undefined) {
    worker.log(`bridge '${missing}' does not exist`);
    worker.log(`kvm: -netdev type=tap,id=net0,ifname=tap${guest.id}i0: network script failed with status 512`);
    throw failed("start failed: QEMU exited with code 1");
  }
  if (resuming) {
    const vmstate = String(guest.config["vmstate"] ?? "");
    worker.log("Resuming suspended VM");
    worker.log(`activating and using '${vmstate}' as vmstate`);
    await worker.wait(state.pace.task);
    worker.log("Resumed VM, removing state");
    const volume = volumeAt(state, vmstate, guest.node);
    if (volume !== undefined) drop(state, volume);
    delete guest.config["lock"];
    delete guest.config["vmstate"];
  }
  goesUp(state, guest);
  if (resuming) guest.agentAt = state.time.now();
}

/** Asks the system inside to go down, and waits; false where it did not in time. */
export async function shutDown(state: State, guest: Guest, worker: Worker, timeoutMs: number): Promise<boolean> {
  const reacts = guest.obeys && (guest.kind === "lxc" || guest.agentAt <= state.time.now());
  const takes = state.pace.task * 2;
  if (!reacts || takes > timeoutMs) {
    await worker.wait(timeoutMs);
    return !guest.running;
  }
  await worker.wait(takes);
  if (guest.running) goesDown(state, guest);
  return true;
}

/** Where the memory of a VM is kept: as its configuration says, else beside a disk of it. */
export function vmstateStorage(state: State, guest: Guest): string {
  const wanted = guest.config["vmstatestorage"];
  if (wanted !== undefined) return String(wanted);
  const shared = Object.entries(guest.config)
    .filter(([key, value]) => /^(scsi|virtio|sata|ide)\d+$/.test(key) && !/media=cdrom/.test(String(value)))
    .map(([, value]) => String(value).split(":")[0]!)
    .filter((id) => state.storages.has(id));
  return shared[0] ?? "local";
}
