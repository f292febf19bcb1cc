import { mebi, gibi } from "./seed-sizes.ts";
import { bareGuest } from "./guests/create.ts";
import { runs, seedNode, seedStorage, seedVolume, settle } from "./seed-parts.ts";
import { type Config, type GuestKind, type State } from "./state.ts";
import { allocate, sizeText } from "./volumes.ts";

/** What a cluster is filled with. */
export interface Seeding {
  readonly nodes: number;
  readonly guests: number;
}

interface Role {
  readonly name: string;
  readonly kind: GuestKind;
  readonly tags: string;
  readonly memory: number;
  readonly cores: number;
  readonly disk: number;
  readonly pool: string;
  readonly count: number;
  readonly stopped?: true;
}

/** The guests of a small company, by what they are for. */
const roles: readonly Role[] = [
  { name: "web", kind: "lxc", tags: "production;webserver", memory: 1024, cores: 2, disk: 8, pool: "prod", count: 6 },
  { name: "api", kind: "lxc", tags: "api;production", memory: 2048, cores: 2, disk: 12, pool: "prod", count: 4 },
  { name: "db", kind: "qemu", tags: "database;production", memory: 8192, cores: 4, disk: 64, pool: "prod", count: 2 },
  { name: "cache", kind: "lxc", tags: "production", memory: 1024, cores: 1, disk: 4, pool: "prod", count: 2 },
  { name: "mail", kind: "qemu", tags: "production", memory: 4096, cores: 2, disk: 40, pool: "prod", count: 1 },
  { name: "git", kind: "qemu", tags: "infra", memory: 4096, cores: 2, disk: 40, pool: "infra", count: 1 },
  { name: "monitor", kind: "lxc", tags: "infra", memory: 2048, cores: 2, disk: 20, pool: "infra", count: 1 },
  { name: "dns", kind: "lxc", tags: "infra", memory: 512, cores: 1, disk: 4, pool: "infra", count: 2 },
  { name: "runner", kind: "qemu", tags: "ci", memory: 4096, cores: 4, disk: 32, pool: "infra", count: 3 },
  { name: "dev-web", kind: "lxc", tags: "development;webserver", memory: 1024, cores: 1, disk: 8, pool: "dev", count: 5 },
  { name: "dev-db", kind: "qemu", tags: "database;development", memory: 2048, cores: 2, disk: 32, pool: "dev", count: 3 },
  { name: "test", kind: "lxc", tags: "development", memory: 512, cores: 1, disk: 8, pool: "dev", count: 5, stopped: true },
  { name: "desktop", kind: "qemu", tags: "office", memory: 4096, cores: 2, disk: 50, pool: "office", count: 3, stopped: true },
];

const sizes = [
  { cpus: 16, memory: 64 * gibi, rootDisk: 240 * gibi },
  { cpus: 32, memory: 128 * gibi, rootDisk: 240 * gibi },
  { cpus: 12, memory: 48 * gibi, rootDisk: 120 * gibi },
] as const;

/** Fills a state: nodes of different sizes, storages, guests, pools, HA. Everything follows from the seed. */
export function seed(state: State, { nodes, guests }: Seeding): void {
  for (let n = 1; n <= nodes; n += 1) {
    const node = seedNode(state, `pve${n}`, n, `10.77.${Math.floor(n / 200)}.${10 + (n % 200)}`, sizes[(n - 1) % sizes.length]!);
    node.network.set("vmbr1", {
      iface: "vmbr1",
      type: "bridge",
      method: "manual",
      method6: "manual",
      autostart: 1,
      priority: 5,
      bridge_ports: "",
      bridge_stp: "off",
      bridge_fd: "0",
      bridge_vlan_aware: 1,
    });
  }
  seedStorage(state, "local", { type: "dir", path: "/var/lib/vz", content: "iso,vztmpl,backup,snippets,import" }, 240 * gibi);
  seedStorage(state, "local-lvm", { type: "lvmthin", vgname: "pve", thinpool: "data", content: "images,rootdir" }, 2000 * gibi);
  seedStorage(
    state,
    "shared",
    {
      type: "nfs",
      path: "/mnt/pve/shared",
      server: "10.77.0.2",
      export: "/export/shared",
      content: "images,rootdir,iso,vztmpl,snippets",
      shared: 1,
    },
    8000 * gibi,
  );
  seedStorage(
    state,
    "backups",
    {
      type: "nfs",
      path: "/mnt/pve/backups",
      server: "10.77.0.3",
      export: "/export/backups",
      content: "backup",
      shared: 1,
      "prune-backups": "keep-daily=7,keep-weekly=4",
    },
    16_000 * gibi,
  );
  for (const name of state.nodes.keys()) {
    seedVolume(state, "local", name, "vztmpl", "debian-12-standard_12.7-1_amd64.tar.zst", 126 * mebi);
    seedVolume(state, "local", name, "vztmpl", "ubuntu-24.04-standard_24.04-2_amd64.tar.zst", 138 * mebi);
    seedVolume(state, "local", name, "vztmpl", "alpine-3.20-default_20240908_amd64.tar.xz", 3 * mebi);
    seedVolume(state, "local", name, "iso", "debian-12.7.0-amd64-netinst.iso", 632 * mebi);
  }
  seedVolume(state, "shared", "", "vztmpl", "debian-12-standard_12.7-1_amd64.tar.zst", 126 * mebi);
  seedVolume(state, "shared", "", "iso", "debian-12.7.0-amd64-netinst.iso", 632 * mebi);
  for (const pool of ["prod", "infra", "dev", "office"])
    state.pools.set(pool, { id: pool, comment: undefined, guests: new Set(), storages: new Set() });
  seedGuests(state, guests);
  seedHa(state);
  state.jobs.set("backup-nightly", {
    schedule: "02:30",
    storage: "backups",
    mode: "snapshot",
    compress: "zstd",
    pool: "prod",
    enabled: 1,
    "prune-backups": "keep-daily=7",
  });
}

function seedGuests(state: State, count: number): void {
  const names = [...state.nodes.keys()];
  templates(state, names[0]!);
  const all = roles.flatMap((role) => Array.from({ length: role.count }, (_, n) => ({ role, n: n + 1 })));
  for (let n = 0; n < count - 2; n += 1) {
    const { role, n: number } = all[n % all.length]!,
      round = Math.floor(n / all.length),
      id = 101 + n;
    const name = `${role.name}-${String(number + round * role.count).padStart(2, "0")}`;
    place(state, id, role, name, names[(n * 7 + round) % names.length]!);
  }
}

/** One guest with its disk, card and pool. */
function place(state: State, id: number, role: Role, name: string, node: string): void {
  const mac = state.chance.mac(),
    ha = role.name === "db" || role.name === "mail",
    storage = ha ? "shared" : "local-lvm";
  const size = role.disk * gibi,
    used = Math.round((size * (10 + state.chance.number(60))) / 100);
  const disk = allocate(state, storage, node, id, {
    size,
    used,
    content: role.kind === "lxc" ? "rootdir" : "images",
    format: role.kind === "lxc" ? "raw" : "qcow2",
  });
  const common: Config = { tags: role.tags, cores: role.cores, onboot: role.stopped === true ? 0 : 1 };
  const config: Config =
    role.kind === "lxc"
      ? {
          ...common,
          arch: "amd64",
          hostname: name,
          ostype: id % 3 === 0 ? "ubuntu" : "debian",
          memory: role.memory,
          swap: 512,
          unprivileged: 1,
          features: "nesting=1",
          net0: `name=eth0,bridge=vmbr0,hwaddr=${mac},ip=dhcp,type=veth`,
          rootfs: `${disk.volid},size=${sizeText(size)}`,
        }
      : {
          ...common,
          name,
          memory: String(role.memory),
          agent: "1",
          boot: "order=scsi0",
          ostype: "l26",
          scsihw: "virtio-scsi-single",
          scsi0: `${disk.volid},size=${sizeText(size)}`,
          net0: `virtio=${mac},bridge=vmbr0`,
          smbios1: `uuid=${state.chance.uuid()}`,
          vmgenid: state.chance.uuid(),
          meta: "creation-qemu=9.2.0,ctime=1760000000",
        };
  const guest = bareGuest(role.kind, id, node, config);
  state.guests.set(id, guest);
  state.pools.get(role.pool)?.guests.add(id);
  if (role.stopped !== true) runs(state, guest, id * 97);
  settle(state, guest);
}

/** A VM and a container that others are cloned from, on the shared storage. */
function templates(state: State, node: string): void {
  const base = allocate(state, "shared", node, 9000, {
    size: 2 * gibi,
    used: 500 * mebi,
    content: "images",
    format: "qcow2",
    name: "base-9000-disk-0",
  });
  const drive = allocate(state, "shared", node, 9000, { size: 4 * mebi, content: "images", format: "qcow2", name: "vm-9000-cloudinit" });
  const root = allocate(state, "shared", node, 9001, {
    size: 4 * gibi,
    used: 600 * mebi,
    content: "rootdir",
    format: "raw",
    name: "base-9001-disk-0",
  });
  const vm = bareGuest("qemu", 9000, node, {
    name: "debian12-template",
    template: 1,
    memory: "2048",
    cores: 2,
    agent: "1",
    boot: "order=scsi0",
    ostype: "l26",
    scsihw: "virtio-scsi-single",
    scsi0: `${base.volid},size=2G`,
    ide2: `${drive.volid},media=cdrom`,
    net0: `virtio=${state.chance.mac()},bridge=vmbr0`,
    serial0: "socket",
    vga: "serial0",
    ciuser: "admin",
    smbios1: `uuid=${state.chance.uuid()}`,
    vmgenid: state.chance.uuid(),
    meta: "creation-qemu=9.2.0,ctime=1760000000",
  });
  const container = bareGuest("lxc", 9001, node, {
    hostname: "debian12-ct-template",
    template: 1,
    arch: "amd64",
    ostype: "debian",
    memory: 1024,
    swap: 512,
    cores: 1,
    unprivileged: 1,
    net0: `name=eth0,bridge=vmbr0,hwaddr=${state.chance.mac()},ip=dhcp,type=veth`,
    rootfs: `${root.volid},size=4G`,
  });
  for (const guest of [vm, container]) {
    state.guests.set(guest.id, guest);
    settle(state, guest);
  }
}

/** The guests on shared storage are kept running wherever it may be. */
function seedHa(state: State): void {
  const [first, second] = [...state.nodes.keys()];
  const nodes = `${first}:2${second === undefined ? "" : `,${second}:1`}`,
    members = [...state.guests.values()]
      .filter((guest) => String(guest.config["scsi0"] ?? "").startsWith("shared:") && guest.config["template"] !== 1)
      .slice(0, 6);
  if (state.major >= 9)
    state.ha.rules.set("prefer-first", {
      type: "node-affinity",
      nodes,
      resources: members.map(({ id }) => `vm:${id}`).join(","),
      strict: 0,
    });
  else state.ha.groups.set("prefer-first", { nodes, nofailback: 1 });
  for (const { id } of members)
    state.ha.resources.set(`vm:${id}`, {
      sid: `vm:${id}`,
      type: "vm",
      id,
      config: { state: "started", ...(state.major >= 9 ? {} : { group: "prefer-first" }) },
      state: "started",
      node: undefined,
      wantedNode: undefined,
      busy: false,
    });
}
