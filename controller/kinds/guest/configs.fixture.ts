import fc from "fast-check";
import { printSize, printTags } from "../../../schemas/proxmox/properties.ts";
import type { GuestConfig, GuestFact } from "../../../schemas/verbs/proxmox/guest.ts";

/** Parts of which some are there; `undefined` ones are left out. */
const parts = (of: Record<string, fc.Arbitrary<string | undefined>>): fc.Arbitrary<Record<string, string>> =>
  fc
    .record(of)
    .map((found) => Object.fromEntries(Object.entries(found).filter((entry): entry is [string, string] => entry[1] !== undefined)));
const maybe = (of: fc.Arbitrary<string>): fc.Arbitrary<string | undefined> => fc.option(of, { nil: undefined });
const one = (...values: string[]): fc.Arbitrary<string> => fc.constantFrom(...values);
const number = (min: number, max: number): fc.Arbitrary<string> => fc.integer({ min, max }).map(String);
const flag = maybe(one("0", "1"));

const address = fc
  .array(fc.integer({ min: 0, max: 255 }), { minLength: 3, maxLength: 3 })
  .map((bytes) => ["BC", "24", "11", ...bytes.map((byte) => byte.toString(16).padStart(2, "0").toUpperCase())].join(":"));
const tags = fc.array(one("web", "db", "prod", "a.b", "x_1"), { maxLength: 4 }).map(printTags);
const size = fc.integer({ min: 1, max: 1 << 18 }).map((mebibytes) => printSize(mebibytes * 1024 ** 2));
const names = fc.array(one("10.0.0.1", "10.0.0.2", "fd00::1"), { minLength: 1, maxLength: 3 }).map((list) => [...new Set(list)].join(" "));
const startup = parts({ order: maybe(number(0, 99)), up: maybe(number(0, 99)), down: maybe(number(0, 99)) });
const network = {
  bridge: one("vmbr0", "vmbr1"),
  tag: maybe(number(1, 4094)),
  firewall: flag,
  rate: maybe(one("12", "0.5")),
  mtu: maybe(number(576, 9000)),
  link_down: flag,
};
const volume = fc.tuple(one("local-lvm", "shared"), number(0, 9)).map(([storage, at]) => `${storage}:vm-118-disk-${at}`);

/** A configuration of which some keys are there. */
const some = (
  keys: Record<string, fc.Arbitrary<GuestConfig[string]>>,
  always: Record<string, fc.Arbitrary<GuestConfig[string]>>,
): fc.Arbitrary<GuestConfig> =>
  fc.tuple(fc.record(keys, { requiredKeys: [] }), fc.record(always)).map(([few, all]) => ({ ...few, ...all }) as GuestConfig);

const shared = {
  cores: number(1, 16),
  cpulimit: one("0", "1.5", "2"),
  cpuunits: number(1, 500),
  onboot: one("0", "1"),
  tags,
  protection: one("0", "1"),
  nameserver: names,
  searchdomain: one("lab.example"),
  memory: number(64, 1 << 16),
  startup,
};

const mount = parts({
  volume,
  size,
  mp: one("/srv", "/data"),
  backup: flag,
  acl: flag,
  ro: flag,
  replicate: flag,
  mountoptions: maybe(one("noatime", "nodev;noexec")),
});
const card = parts({
  name: one("eth0", "eth1"),
  hwaddr: address,
  ip: maybe(one("dhcp", "10.0.0.5/24")),
  gw: maybe(one("10.0.0.1")),
  trunks: maybe(one("2;3;20-30")),
  ...network,
});
const containerConfig = some(
  {
    ...shared,
    swap: number(0, 4096),
    arch: one("amd64", "arm64"),
    ostype: one("debian", "alpine"),
    unprivileged: one("0", "1"),
    timezone: one("host", "Europe/Vienna"),
    console: one("0", "1"),
    cmode: one("tty", "shell"),
    tty: number(0, 6),
    features: parts({ nesting: flag, keyctl: flag, mount: maybe(one("cifs;nfs")) }),
    mp0: mount,
    mp7: mount,
    net0: card,
    net1: card,
    unused0: parts({ volume }),
  },
  { hostname: one("web"), rootfs: parts({ volume, size, acl: flag, quota: flag }) },
);

const drive = parts({
  volume,
  size,
  cache: maybe(one("none", "writeback")),
  discard: maybe(one("on", "ignore")),
  ssd: flag,
  iothread: flag,
  backup: flag,
  replicate: flag,
  serial: maybe(one("007", "abc")),
  mbps_rd: maybe(one("10", "0.5")),
  iops_wr: maybe(number(1, 900)),
});
const cd = fc.oneof(
  fc.constant({ volume: "none", media: "cdrom" }),
  fc.constant({ volume: "local:iso/a.iso", media: "cdrom", size: "600M" }),
  one("local-lvm", "shared").map((storage) => ({ volume: `${storage}:vm-118-cloudinit`, media: "cdrom", size: "4M" })),
);
const vmCard = parts({
  model: one("virtio", "e1000"),
  macaddr: address,
  queues: maybe(number(1, 8)),
  trunks: maybe(one("2;3")),
  ...network,
});
const vmConfig = some(
  {
    ...shared,
    sockets: number(1, 4),
    cpu: parts({ cputype: one("host", "kvm64"), flags: maybe(one("+aes")) }),
    numa: one("0", "1"),
    vcpus: number(1, 16),
    balloon: number(0, 4096),
    hotplug: one("0", "1", "network,disk,usb", "disk,cpu,memory"),
    bios: one("seabios", "ovmf"),
    machine: parts({ type: one("q35", "pc"), viommu: maybe(one("virtio")) }),
    ostype: one("l26", "win11"),
    scsihw: one("lsi", "virtio-scsi-single"),
    boot: fc.oneof(fc.constant({ order: "scsi0;net0" }), fc.constant({ legacy: "cdn" })),
    agent: parts({ enabled: one("0", "1"), fstrim_cloned_disks: flag }),
    vga: parts({ type: one("std", "serial0"), memory: maybe(one("32")) }),
    tablet: one("0", "1"),
    kvm: one("0", "1"),
    efidisk0: parts({ volume, efitype: maybe(one("2m", "4m")), "pre-enrolled-keys": flag, size: one("4M") }),
    tpmstate0: parts({ volume, version: maybe(one("v1.2", "v2.0")), size: one("4M") }),
    scsi0: drive,
    virtio1: drive,
    sata0: drive,
    ide2: cd,
    net0: vmCard,
    net1: vmCard,
    ciuser: one("root", "admin"),
    ciupgrade: one("0", "1"),
    cipassword: one("**********"),
    sshkeys: one("ssh-ed25519 AAAA a@example", "ssh-ed25519 AAAA a@example\nssh-ed25519 BBBB b@example"),
    ipconfig0: parts({ ip: maybe(one("dhcp", "10.0.0.5/24")), gw: maybe(one("10.0.0.1")) }),
    serial0: one("socket"),
    usb0: one("host=1234:5678,usb3=1", "spice"),
    hostpci0: one("mapping=gpu,pcie=1"),
    unused0: parts({ volume }),
  },
  { name: one("web") },
);

const configOf = { container: containerConfig, vm: vmConfig };

/** A guest as its cluster tells it: any configuration, running or not, in some cases with values that wait for its next start. */
export const guestFact = (type: "container" | "vm"): fc.Arbitrary<GuestFact> =>
  fc
    .tuple(
      configOf[type],
      configOf[type],
      one("running", "stopped"),
      one("pve1", "pve2"),
      fc.boolean(),
      maybe(one("production", "web")),
      maybe(one("shop front", "two\nlines")),
      fc.option(fc.record({ state: one("started", "ignored") }), { nil: undefined }),
    )
    .map(([next, other, status, node, pending, pool, description, ha]) => ({
      exists: true,
      type,
      id: 118,
      name: "web",
      node,
      status: status as "running",
      ...(status === "running" ? { startedAt: 1_763_600_000_000 } : {}),
      next,
      config: pending ? { ...next, ...Object.fromEntries(Object.entries(other).slice(0, 3)) } : next,
      ...(pool === undefined ? {} : { pool }),
      ...(description === undefined ? {} : { description }),
      ...(ha === undefined ? {} : { ha }),
    }));
