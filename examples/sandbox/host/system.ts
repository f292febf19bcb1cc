import type { HostFact } from "../../../schemas/verbs/host.ts";
import type { PackageFact } from "../../../schemas/verbs/package.ts";

export const systemNames = ["debian-12", "ubuntu-22.04", "ubuntu-24.04", "alpine-3.20"] as const;
export type SystemName = (typeof systemNames)[number];

/** An operating system that a pretend host runs. */
export interface System {
  readonly name: SystemName;
  readonly os: HostFact["os"];
  readonly kernel: string;
  readonly init: "systemd" | "openrc";
  readonly manager: PackageFact["manager"];
}

export const systems: Readonly<Record<SystemName, System>> = {
  "debian-12": {
    name: "debian-12",
    os: { id: "debian", version: "12", name: "Debian GNU/Linux 12 (bookworm)" },
    kernel: "6.1.0-28-amd64",
    init: "systemd",
    manager: "apt",
  },
  "ubuntu-22.04": {
    name: "ubuntu-22.04",
    os: { id: "ubuntu", version: "22.04", name: "Ubuntu 22.04.5 LTS" },
    kernel: "5.15.0-126-generic",
    init: "systemd",
    manager: "apt",
  },
  "ubuntu-24.04": {
    name: "ubuntu-24.04",
    os: { id: "ubuntu", version: "24.04", name: "Ubuntu 24.04.1 LTS" },
    kernel: "6.8.0-49-generic",
    init: "systemd",
    manager: "apt",
  },
  "alpine-3.20": {
    name: "alpine-3.20",
    os: { id: "alpine", version: "3.20.3", name: "Alpine Linux v3.20" },
    kernel: "6.6.63-0-virt",
    init: "openrc",
    manager: "apk",
  },
};
