import { bareGuest } from "./guests/create.ts";
import type { Play, Scenario } from "./replay.fixture.ts";
import { seedNode, seedStorage, seedVolume, settle } from "./seed-parts.ts";
import type { Config, State } from "./state.ts";
import { allocate } from "./volumes.ts";

const archive = "debian-12-standard_12.7-1_amd64.tar.zst";

/** The two recorded nodes with their storages, the archive and the template; `more` is set on the template. */
const lab =
  (more: Config = {}) =>
  (state: State): void => {
    state.acl = [];
    for (const id of state.users.keys()) if (id !== "root@pam") state.users.delete(id);
    const root = state.users.get("root@pam")!;
    root.tokens.clear();
    root.tokens.set("lab", { secret: state.chance.uuid(), privsep: 0, comment: "lab", expire: 0 });
    for (const [n, name] of ["pve1", "pve2"].entries()) {
      const node = seedNode(state, name, n + 1, `10.77.0.${11 + n}`, { cpus: 2, memory: 25_276_502_016, rootDisk: 270_553_174_016 });
      node.network.delete("eno1");
      node.network.set("eth0", { iface: "eth0", type: "eth", method: "manual", method6: "manual", priority: 3 });
      node.network.get("vmbr0")!["bridge_ports"] = "eth0";
    }
    const all = "vztmpl,images,snippets,backup,iso,rootdir";
    seedStorage(state, "local", { type: "dir", path: "/var/lib/vz", content: all, "prune-backups": "keep-all=1" }, 270_553_174_016);
    seedStorage(state, "btr", { type: "btrfs", path: "/mnt/btr", content: "rootdir,images", is_mountpoint: "1" }, 25_769_803_776);
    seedStorage(state, "shared", { type: "dir", path: "/mnt/shared", content: all, is_mountpoint: "1", shared: 1 }, 270_553_174_016);
    for (const node of ["pve1", "pve2"]) seedVolume(state, "local", node, "vztmpl", archive, 73_092_748);
    seedVolume(state, "shared", "", "vztmpl", archive, 73_092_748);
    const disk = allocate(state, "shared", "pve1", 9000, {
      size: 2 ** 31,
      used: 531_210_240,
      content: "images",
      format: "qcow2",
      name: "base-9000-disk-0",
    });
    const drive = allocate(state, "shared", "pve1", 9000, {
      size: 2 ** 22,
      used: 24_576,
      content: "images",
      format: "qcow2",
      name: "vm-9000-cloudinit",
    });
    const template = bareGuest("qemu", 9000, "pve1", {
      name: "debian12-tmpl",
      template: 1,
      memory: "384",
      cores: 1,
      agent: "1",
      ostype: "l26",
      boot: "order=scsi0",
      scsihw: "virtio-scsi-single",
      scsi0: `${disk.volid},size=2G`,
      ide2: `${drive.volid},media=cdrom`,
      net0: "virtio=BC:24:11:D5:5F:7B,bridge=vmbr0",
      serial0: "socket",
      vga: "serial0",
      ciuser: "root",
      cipassword: "vmpass12345",
      meta: "creation-qemu=7.2.22,ctime=1795173872",
      smbios1: `uuid=${state.chance.uuid()}`,
      vmgenid: state.chance.uuid(),
      ...more,
    });
    for (const node of ["pve1", "pve2"]) state.tasks.start({ node, type: "startall", id: "", user: "root@pam" }, async () => undefined);
    state.guests.set(9000, template);
    settle(state, template);
  };

const idle = async ({ time }: Play, ms: number): Promise<void> => time.advance(ms);

/** The recorder waited, or looked more than once. */
const later =
  (ms: number) =>
  (play: Play): Promise<void> =>
    idle(play, ms);

const begin = (method: string, path: string, body: string | undefined, recorded: string) => async (play: Play) =>
  play.bind(recorded, String(await play.ask(method, path, body)));

/** Waits until nothing runs any more. */
async function quiet(play: Play): Promise<void> {
  for (let turn = 0; turn < 300 && play.cluster.state.tasks.running().length > 0; turn += 1) await play.time.advance(1000);
}

const unlock =
  (id: number) =>
  async ({ cluster }: Play): Promise<void> =>
    cluster.faults.unlockGuest(id);
const kill =
  (recorded: string) =>
  async (play: Play): Promise<void> =>
    play.cluster.faults.killTask(play.ours(recorded)!);

/** A worker that took no notice of the signal, and was killed in the end. */
const deafToSignals =
  (recorded: string) =>
  async (play: Play): Promise<void> =>
    void Object.assign(play.cluster.state.tasks.all.get(play.ours(recorded)!)!, { interrupt: () => undefined });
const slow = "UPID:pve1:000019D5:000B66A4:6B003CE2:vzdump:160:root@pam!lab:";

/** The recorded scenarios, with what is needed to play them. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  auth: { file: "01-auth.jsonl", fill: lab() },
  inventory: {
    file: "02-inventory.jsonl",
    fill: lab(),
    left: {
      2: async (play) => {
        await play.ask("POST", "/pools", "poolid=invpool&comment=inventory");
        await begin(
          "POST",
          "/nodes/pve2/lxc",
          `vmid=110&ostemplate=local%3Avztmpl%2F${archive}&rootfs=btr%3A1&hostname=inv1&memory=128&unprivileged=1&onboot=1&tags=web%3Bprod&start=1&pool=invpool&net0=name%3Deth0%2Cbridge%3Dvmbr0%2Cip%3D10.77.0.110%2F24%2Cgw%3D10.77.0.1`,
          "UPID:pve2:000001B4:0009601A:6B0037B3:vzcreate:110:root@pam!lab:",
        )(play);
      },
      11: async (play) => {
        await quiet(play);
        await play.ask("PUT", "/pools", "poolid=invpool&storage=btr");
        await idle(play, 12_000);
      },
      246: begin(
        "DELETE",
        "/nodes/pve2/lxc/110?force=1&purge=1",
        undefined,
        "UPID:pve2:00000322:00098139:6B003808:vzdestroy:110:root@pam!lab:",
      ),
    },
  },
  lxc: { file: "03-lxc-life.jsonl", fill: lab() },
  qemu: { file: "04-qemu-life.jsonl", fill: lab({ tags: "x", vmstatestorage: "nosuch" }), left: { 343: later(2000) } },
  ram: { file: "04b-qemu-ram.jsonl", fill: lab() },
  tasks: {
    file: "05-tasks.jsonl",
    fill: lab(),
    left: {
      3: later(500),
      101: async (play) => {
        await idle(play, 500);
        await kill("UPID:pve1:0000132B:000B1CB5:6B003C25:vzcreate:157:root@pam!lab:")(play);
      },
      110: unlock(157),
      135: later(500),
    },
  },
  errors: {
    file: "06-errors.jsonl",
    fill: lab(),
    left: {
      301: deafToSignals(slow),
      303: async (play) => {
        await idle(play, 2000);
        await kill(slow)(play);
      },
      313: unlock(160),
      340: unlock(160),
    },
  },
  ha: {
    file: "07-ha.jsonl",
    fill: (state) => {
      lab()(state);
      state.ha.groups.set("bad", { nodes: "nosuch" });
    },
    left: { 77: later(9000) },
  },
};
