import { mebi } from "../seed-sizes.ts";
import type { Figures, Guest, State } from "../state.ts";
import { memoryOf, nameOf, processorsOf } from "./config.ts";
import { driveSize, mainDrive } from "./disks.ts";

/** How busy a guest is now: steady, and different from guest to guest. */
export function figuresOf(state: State, guest: Guest): Figures {
  const node = state.nodes.get(guest.node),
    cpus = processorsOf(guest, node),
    maxmem = memoryOf(guest.kind, guest.config),
    size =
      guest.config["lock"] === "create" && guest.config["rootfs"] === undefined && guest.kind === "lxc"
        ? 4 * 1024 ** 3
        : driveSize(state, mainDrive(guest.kind, guest.config), guest.node);
  const uptime = guest.running ? Math.max(0, Math.floor((state.time.now() - guest.startedAt) / 1000)) : 0;
  const wave = (1 + Math.sin(state.time.now() / 60_000 + guest.id)) / 2,
    share = ((guest.id * 37) % 60) / 100;
  const on = guest.running ? 1 : 0;
  // A file system is a little smaller than the disk that it lies on.
  const maxdisk = guest.kind === "lxc" && guest.running ? Math.round(size * 0.95) : size;
  return {
    cpu: (on * Math.round((share * 0.6 + wave * 0.2) * 1000)) / 1000,
    cpus,
    mem: Math.round(on * maxmem * (0.2 + share)),
    maxmem,
    disk: guest.kind === "lxc" ? Math.round(on * maxdisk * (0.1 + share)) : 0,
    maxdisk,
    uptime,
    netin: on * uptime * 120,
    netout: on * uptime * 80,
    diskread: on * Math.round(mebi * (1 + share * 40)),
    diskwrite: on * uptime * 900,
  };
}

/** What pvestatd sees of it. */
export const observed = (state: State, guest: Guest): NonNullable<Guest["seen"]> => ({
  status: guest.running ? "running" : "stopped",
  name: nameOf(guest),
  figures: figuresOf(state, guest),
});
