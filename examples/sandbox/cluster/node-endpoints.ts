import { digestOf } from "./chance.ts";
import { type Call, endpoint, type Endpoints, guestOf, Listed, numberIn, startTask, textIn } from "./endpoint.ts";
import { figuresOf } from "./guests/figures.ts";
import { flag, formatted, integer, must, oneOf, type Parameters, text } from "./parameters.ts";
import { may, need } from "./permissions.ts";
import { countQuorum, nodeComesUp, nodeGoesDown } from "./node-power.ts";
import { nodeFigures } from "./resources.ts";
import { type Node, seconds, type State } from "./state.ts";
import { usedOn } from "./volumes.ts";
import { hasFeature } from "./guests/feature.ts";
import { wrong } from "./refused.ts";

function list(call: Call): object[] {
  const { state, who } = call;
  return [...state.nodes.values()].map((node) => ({
    id: `node/${node.name}`,
    type: "node",
    node: node.name,
    status: node.online ? "online" : "offline",
    level: "",
    ssl_fingerprint: node.fingerprint,
    ...(node.online && may(state, who, `/nodes/${node.name}`, "Sys.Audit") ? nodeFigures(state, node) : {}),
  }));
}

const kernel = "6.8.12-15-pve";

function status({ state, node }: Call): object {
  const { cpu, mem, uptime, disk, maxdisk } = nodeFigures(state, node) as Record<string, number>,
    load = Math.round(cpu! * node.cpus * 100) / 100;
  return {
    cpu,
    wait: 0,
    idle: 0,
    uptime,
    loadavg: [load, load * 0.9, load * 0.8].map((one) => one.toFixed(2)),
    memory: { total: node.memory, used: mem, free: node.memory - mem!, ...(state.major >= 9 ? { available: node.memory - mem! } : {}) },
    swap: { total: 8 * 1024 ** 3, used: 0, free: 8 * 1024 ** 3 },
    rootfs: { total: maxdisk, used: disk, avail: maxdisk! - disk!, free: maxdisk! - disk! },
    ksm: { shared: 0 },
    pveversion: `pve-manager/${state.version.version}/${state.version.repoid}`,
    kversion: `Linux ${kernel} #1 SMP PREEMPT_DYNAMIC`,
    "current-kernel": { sysname: "Linux", release: kernel, version: "#1 SMP PREEMPT_DYNAMIC", machine: "x86_64" },
    "boot-info": { mode: "efi" },
    cpuinfo: {
      model: "AMD EPYC 7302P 16-Core Processor",
      cpus: node.cpus,
      cores: Math.max(1, Math.floor(node.cpus / 2)),
      sockets: 1,
      mhz: "2596.150",
      hvm: "1",
      user_hz: 100,
      flags: "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat",
    },
  };
}

const spans: Readonly<Record<string, number>> = { hour: 60, day: 1800, week: 10_800, month: 43_200, year: 604_800 };

/** Seventy points back from now; each is what `figures` gives for it. */
function graph(call: Call, figures: (at: number) => object): object[] {
  const step = spans[textIn(call, "timeframe") ?? "hour"] ?? 60,
    now = Math.floor(seconds(call.state) / step) * step;
  return Array.from({ length: 70 }, (_, n) => {
    const time = now - (69 - n) * step;
    return { time, ...figures(time) };
  });
}

const nodeGraph = (call: Call): object[] => {
  const { cpu, mem, disk } = nodeFigures(call.state, call.node) as Record<string, number>,
    { node } = call;
  return graph(call, (at) => ({
    cpu: cpu! * (0.8 + ((at / 60) % 5) / 10),
    iowait: 0.001,
    loadavg: cpu! * node.cpus,
    maxcpu: node.cpus,
    memtotal: node.memory,
    memused: mem,
    netin: 1200,
    netout: 900,
    roottotal: node.rootDisk,
    rootused: disk,
    swaptotal: 0,
    swapused: 0,
  }));
};

const guestGraph =
  (kind: "lxc" | "qemu") =>
  (call: Call): object[] => {
    const guest = guestOf(call, kind),
      { cpu, cpus, mem, maxmem, disk, maxdisk } = figuresOf(call.state, guest);
    return graph(call, (at) =>
      guest.running && at * 1000 >= guest.startedAt
        ? { cpu, maxcpu: cpus, mem, maxmem, disk, maxdisk, netin: 120, netout: 80, diskread: 0, diskwrite: 900 }
        : {},
    );
  };

const services =
  "chrony corosync cron ksmtuned postfix pve-cluster pve-firewall pve-ha-crm pve-ha-lrm pvedaemon pvefw-logger pveproxy pvescheduler pvestatd qmeventd spiceproxy sshd syslog systemd-journald systemd-timesyncd".split(
    " ",
  );
const emptyDigest = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
const hosts = (state: State): string =>
  ["127.0.0.1 localhost", ...[...state.nodes.values()].map((node) => `${node.address} ${node.name}.${state.name} ${node.name}`)].join(
    "\n",
  ) + "\n";

/** Package lists are read again; nothing new is found. */
const refresh = (call: Call): string =>
  startTask(call, "aptupdate", "", async (worker) => {
    worker.log("starting apt-get update");
    await worker.wait(call.state.pace.task * 4);
    worker.log("Reading package lists...");
  });

const disk = {
  devpath: "/dev/sda",
  vendor: "ATA",
  model: "pretend",
  serial: "unknown",
  wwn: "unknown",
  type: "ssd",
  rpm: 0,
  health: "PASSED",
  wearout: "N/A",
  used: "LVM",
  gpt: 1,
  mounted: 0,
  osdid: -1,
  "osdid-list": null,
};
const certificate = (node: Node, filename: string): object => ({
  filename,
  fingerprint: node.fingerprint,
  subject: filename === "pve-ssl.pem" ? `/CN=${node.name}` : "/CN=Proxmox Virtual Environment/O=PVE Cluster Manager CA",
  issuer: "/CN=Proxmox Virtual Environment/O=PVE Cluster Manager CA",
  notbefore: 1_795_085_295,
  notafter: 2_110_445_295,
  "public-key-type": "rsaEncryption",
  "public-key-bits": 4096,
  san: filename === "pve-ssl.pem" ? [node.address, node.name] : [],
  pem: "",
});

const netstat = ({ state, node }: Call): object[] =>
  [...state.guests.values()]
    .filter((guest) => guest.node === node.name && guest.running)
    .flatMap((guest) =>
      Object.keys(guest.config)
        .filter((key) => /^net\d+$/.test(key))
        .map((dev) => ({ dev, vmid: String(guest.id), in: "0", out: "656" })),
    );

const look = need("/nodes/{node}", "Sys.Audit"),
  act = need("/nodes/{node}", "Sys.Modify");
const frame: Parameters = { timeframe: must(oneOf("hour", "day", "week", "month", "year")), cf: oneOf("AVERAGE", "MAX") };
const at = "/nodes/{node}",
  guest = need("/vms/{vmid}", "VM.Audit");

/** What belongs to a node, and what of a guest is seldom asked. */
export const nodeEndpoints: Endpoints = {
  "GET /nodes": endpoint("all", {}, list),
  [`GET ${at}/status`]: endpoint(look, {}, status),
  [`POST ${at}/status`]: endpoint(
    need("/nodes/{node}", "Sys.PowerMgmt"),
    { command: must(oneOf("reboot", "shutdown")) },
    (call) => {
      const { state, node } = call;
      state.time.after(state.pace.task, () => {
        nodeGoesDown(state, node);
        countQuorum(state);
        if (textIn(call, "command") !== "reboot") return;
        state.time.after(state.pace.reboot, () => {
          nodeComesUp(state, node);
          countQuorum(state);
        });
      });
    },
    { withoutQuorum: true },
  ),
  [`GET ${at}/version`]: endpoint("all", {}, ({ state }) => state.version),
  [`GET ${at}/dns`]: endpoint(look, {}, () => ({ dns1: "10.77.0.1" })),
  [`GET ${at}/time`]: endpoint(look, {}, ({ state }) => ({ time: seconds(state), localtime: seconds(state), timezone: "Etc/UTC" })),
  [`GET ${at}/hosts`]: endpoint(look, {}, ({ state }) => ({ data: hosts(state), digest: digestOf(hosts(state)) })),
  [`GET ${at}/config`]: endpoint(look, { property: text() }, () => ({})),
  [`GET ${at}/services`]: endpoint(look, {}, () =>
    services.map((name) => ({
      service: name,
      name,
      desc: `${name}.service`,
      state: "running",
      "active-state": "active",
      "unit-state": "enabled",
    })),
  ),
  [`GET ${at}/subscription`]: endpoint("all", {}, () => ({
    status: "notfound",
    message: "There is no subscription key",
    serverid: "00000000000000000000000000000000",
    url: "https://www.proxmox.com/en/proxmox-virtual-environment/pricing",
  })),
  [`GET ${at}/certificates/info`]: endpoint("all", {}, ({ node }) =>
    ["pve-root-ca.pem", "pve-ssl.pem"].map((name) => certificate(node, name)),
  ),
  [`GET ${at}/disks/list`]: endpoint(
    look,
    { "include-partitions": flag, skipsmart: flag, type: oneOf("unused", "journal_disks") },
    ({ node }) => [{ ...disk, size: node.rootDisk }],
  ),
  [`GET ${at}/capabilities/qemu/cpu`]: endpoint("all", {}, () =>
    [
      ["kvm64", "default"],
      ["host", "default"],
      ["x86-64-v2-AES", "default"],
      ["EPYC", "AuthenticAMD"],
      ["Haswell", "GenuineIntel"],
    ].map(([name, vendor]) => ({ name, vendor, custom: 0 })),
  ),
  [`GET ${at}/capabilities/qemu/machines`]: endpoint("all", {}, () => [
    { id: "pc-i440fx-9.2", type: "i440fx", version: "9.2" },
    { id: "pc-q35-9.2", type: "q35", version: "9.2" },
    { id: "pc-q35-4.1+pve2", type: "q35", version: "4.1+pve2", changes: "Increases the number of SCSI drives supported." },
  ]),
  [`GET ${at}/rrddata`]: endpoint(look, frame, nodeGraph),
  [`GET ${at}/storage/{storage}/rrddata`]: endpoint(
    need("/storage/{storage}", "Datastore.Audit", "Datastore.AllocateSpace"),
    frame,
    (call) => {
      const storage = call.state.storages.get(textIn(call, "storage")!);
      if (storage === undefined) throw wrong({ storage: "No such storage." });
      const used = usedOn(call.state, storage, call.node.name);
      return graph(call, () => ({ total: storage.total, used }));
    },
  ),
  [`GET ${at}/lxc/{vmid}/rrddata`]: endpoint(guest, frame, guestGraph("lxc")),
  [`GET ${at}/qemu/{vmid}/rrddata`]: endpoint(guest, frame, guestGraph("qemu")),
  [`GET ${at}/netstat`]: endpoint(look, {}, netstat),
  [`GET ${at}/aplinfo`]: endpoint("all", {}, () => []),
  [`GET ${at}/firewall/options`]: endpoint(look, {}, () => ({ digest: emptyDigest })),
  [`GET ${at}/lxc/{vmid}/firewall/options`]: endpoint(guest, {}, (call) => {
    guestOf(call, "lxc");
    return { digest: emptyDigest };
  }),
  [`GET ${at}/lxc/{vmid}/feature`]: endpoint(guest, feature(), (call) => hasFeature(call, "lxc")),
  [`GET ${at}/qemu/{vmid}/feature`]: endpoint(guest, feature(), (call) => hasFeature(call, "qemu")),
  [`GET ${at}/apt/versions`]: endpoint(look, {}, ({ state }) => [
    installed("corosync", "cluster engine daemon and utilities", "3.1.9-pve1"),
    {
      ...installed("pve-manager", "Proxmox Virtual Environment Management Tools", state.version.version),
      RunningKernel: kernel,
      ManagerVersion: state.version.version,
    },
  ]),
  [`GET ${at}/apt/update`]: endpoint(act, {}, () => []),
  [`POST ${at}/apt/update`]: endpoint(act, { notify: flag, quiet: flag }, refresh),
  [`GET ${at}/apt/repositories`]: endpoint(look, {}, () => ({
    digest: emptyDigest,
    errors: [],
    files: [],
    infos: [],
    "standard-repos": [],
  })),
  [`GET ${at}/syslog`]: endpoint(
    need("/nodes/{node}", "Sys.Syslog"),
    { limit: integer({ minimum: 0 }), start: integer({ minimum: 0 }), since: text(), until: text(), service: text() },
    (call) => {
      const lines = [...call.state.tasks.all.values()]
        .filter((task) => task.node === call.node.name)
        .map((task) => `${call.node.name} pvedaemon: ${task.upid}`);
      return new Listed(
        lines.slice(0, numberIn(call, "limit") ?? 50).map((t, n) => ({ n: n + 1, t })),
        lines.length,
      );
    },
  ),
};

/** A package as apt lists it. */
const installed = (name: string, title: string, version: string): object => ({
  Package: name,
  Title: title,
  Description: title,
  Origin: "Proxmox",
  Section: "admin",
  Priority: "optional",
  Arch: "amd64",
  Version: version,
  OldVersion: version,
  CurrentState: "Installed",
});

function feature(): Parameters {
  return { feature: must(oneOf("snapshot", "clone", "copy")), snapname: formatted("pve-configid", { maxLength: 40 }) };
}
