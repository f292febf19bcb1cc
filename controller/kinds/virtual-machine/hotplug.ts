import type { GuestConfig } from "../../../schemas/verbs/proxmox/guest.ts";
import { hotplug } from "../guest/codecs.ts";
import { startFor } from "../guest/fields.ts";
import { textOf, type Turn, type Wanted } from "../guest/wanted.ts";

type Takes = Wanted["takes"];

/** What a VM that runs takes at once: as its `hotplug` says, and for memory and CPUs only with NUMA. */
export interface Pluggable {
  /** Of a key that has another answer than its table says; undefined: as the table says. */
  field(key: string): Takes | undefined;
  disk(key: string): Takes;
  network: Takes;
}

/** Options of a disk that QEMU reads when it opens the disk. */
const opened = ["aio", "cache", "discard", "iothread", "ro", "ssd"];
/** Of a card, what makes it another card. */
const another = ["macaddr", "model", "mtu", "queues"];

export function pluggable(have: GuestConfig): Pluggable {
  const on = hotplug.parse(textOf(have["hotplug"]) ?? "1") as string[],
    numa = have["numa"] === "1";
  const can = (what: string): "hot" | "start" => (on.includes(what) ? "hot" : "start");
  const whole: Readonly<Record<string, Takes>> = {
    memory: numa ? can("memory") : "start",
    vcpus: numa ? can("cpu") : "start",
    tablet: can("usb"),
    // Whether memory can be plugged in is decided when the VM starts.
    hotplug: on.includes("memory") ? "start" : "hot",
    balloon: have["balloon"] === "0" ? "start" : "hot",
  };
  return {
    field: (key) => whole[key],
    disk: (key) => (turn: Turn) => {
      if (turn.how === "changed") return startFor(opened, "hot")(turn);
      return /^(ide|sata)/.test(key) ? "start" : can("disk");
    },
    network: startFor(can("network") === "hot" ? [] : another, can("network")),
  };
}
