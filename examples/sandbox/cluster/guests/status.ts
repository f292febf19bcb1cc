import { type Call, endpoint, type Endpoints, guestOf } from "../endpoint.ts";
import { flag } from "../parameters.ts";
import { may, need } from "../permissions.ts";
import type { Guest, State } from "../state.ts";
import { tagsOf } from "../state.ts";
import { haOf } from "../ha-view.ts";
import { disksOf } from "../volumes.ts";
import { isTemplate, nameOf } from "./config.ts";
import { figuresOf } from "./figures.ts";

/** Keys that are there in lists and in the status alike. */
function common(state: State, guest: Guest): Record<string, unknown> {
  const { disk, diskread, diskwrite, ...figures } = figuresOf(state, guest),
    tags = tagsOf(guest.config),
    lock = guest.config["lock"];
  return {
    vmid: guest.id,
    name: nameOf(guest),
    status: guest.running ? "running" : "stopped",
    ...figures,
    disk,
    ...(guest.kind === "lxc" || guest.running ? { diskread, diskwrite } : {}),
    ...(guest.running ? { pid: guest.pid } : {}),
    ...(tags === undefined ? {} : { tags }),
    ...(lock === undefined ? {} : { lock }),
    ...(isTemplate(guest) ? { template: 1 } : {}),
    ...(guest.kind === "lxc"
      ? { type: "lxc", swap: 0, maxswap: Number(guest.config["swap"] ?? (guest.config["lock"] === "create" ? 0 : 512)) * 1024 ** 2 }
      : guest.config["serial0"] === undefined
        ? {}
        : { serial: 1 }),
  };
}

const qmpOf = (guest: Guest): string => (guest.running ? (guest.paused ? "paused" : "running") : "stopped");

/** One guest, live. */
function current(call: Call, guest: Guest): object {
  const { state } = call,
    base = { ...common(state, guest), ha: haOf(state, guest) };
  if (guest.kind === "lxc") return base;
  const agent = /^(1|enabled=1)/.test(String(guest.config["agent"] ?? ""));
  return {
    ...base,
    qmpstatus: qmpOf(guest),
    clipboard: null,
    ...(agent ? { agent: 1 } : {}),
    ...(guest.running ? machine(state, guest) : {}),
  };
}

/** What QEMU tells of a machine that runs. */
function machine(state: State, guest: Guest): object {
  const cards = Object.keys(guest.config).filter((key) => /^net\d+$/.test(key));
  const { maxmem, mem } = figuresOf(state, guest);
  const balloon = guest.config["balloon"] === 0 ? {} : { balloon: maxmem, ballooninfo: { actual: maxmem, max_mem: maxmem } };
  const booted = guest.agentAt <= state.time.now() && guest.config["balloon"] !== 0 ? { freemem: maxmem - mem } : {};
  return {
    ...balloon,
    ...booted,
    "running-machine": "pc-i440fx-9.2+pve1",
    "running-qemu": "9.2.0",
    nics: Object.fromEntries(cards.map((key) => [`tap${guest.id}i${key.slice(3)}`, { netin: 0, netout: 0 }])),
    blockstat: Object.fromEntries(
      disksOf(guest.config)
        .filter(({ key }) => !/^(unused|efi|tpm)/.test(key))
        .map(({ key }) => [key, blockFigures]),
    ),
    "proxmox-support": {
      "backup-fleecing": true,
      "backup-max-workers": true,
      "pbs-dirty-bitmap": true,
      "pbs-dirty-bitmap-migration": true,
      "pbs-dirty-bitmap-savevm": true,
      "pbs-library-version": "1.5.1",
      "pbs-masterkey": true,
      "query-bitmap-info": true,
    },
  };
}

const zeros =
  "failed_flush_operations failed_rd_operations failed_unmap_operations failed_wr_operations flush_operations flush_total_time_ns invalid_flush_operations invalid_rd_operations invalid_unmap_operations invalid_wr_operations rd_bytes rd_merged rd_operations rd_total_time_ns unmap_bytes unmap_merged unmap_operations unmap_total_time_ns wr_bytes wr_highest_offset wr_merged wr_operations wr_total_time_ns";
const blockFigures = {
  ...Object.fromEntries(zeros.split(" ").map((name) => [name, 0])),
  account_failed: true,
  account_invalid: true,
  timed_stats: [],
};

/** The guests of one kind on a node that the caller may see. */
function list(call: Call, kind: Guest["kind"]): object[] {
  const { state, who, node } = call;
  return [...state.guests.values()]
    .filter((guest) => guest.kind === kind && guest.node === node.name && may(state, who, `/vms/${guest.id}`, "VM.Audit"))
    .map((guest) => ({ ...common(state, guest), ...(call.params["full"] === 1 ? { qmpstatus: qmpOf(guest) } : {}) }));
}

/** What a container's own network looks like from outside; null while it does not run. */
function interfaces(call: Call): unknown {
  const guest = call.state.guests.get(Number(call.params["vmid"]));
  if (guest?.running !== true || guest.node !== call.node.name) return null;
  const cards = Object.entries(guest.config).filter(([key]) => /^net\d+$/.test(key));
  return [
    address("lo", "00:00:00:00:00:00", ["127.0.0.1/8"], "::1/128"),
    ...cards.map(([key, value]) => {
      const part = (name: string): string | undefined => new RegExp(`(?:^|,)${name}=([^,]+)`).exec(String(value))?.[1];
      const mac = (part("hwaddr") ?? "").toLowerCase(),
        ip = part("ip");
      const inet = ip === undefined || ip === "manual" ? [] : [ip === "dhcp" ? dhcpAddress(guest, key) : ip];
      return address(part("name") ?? key, mac, inet, `${linkLocal(mac)}/64`);
    }),
  ];
}

/** The address that a guest gets from the pretend network where it asks for one. */
export const dhcpAddress = (guest: Guest, card: string): string =>
  `10.${20 + Number(card.slice(3))}.${(guest.id >> 8) & 255}.${guest.id & 255}/16`;

/** The address that a card gives itself (RFC 4291, modified EUI-64). */
export function linkLocal(mac: string): string {
  const bytes = mac.split(":").map((byte) => Number.parseInt(byte, 16));
  if (bytes.length !== 6) return "fe80::1";
  bytes[0]! ^= 2;
  const eui = [...bytes.slice(0, 3), 0xff, 0xfe, ...bytes.slice(3)];
  const groups = [0, 2, 4, 6].map((at) => ((eui[at]! << 8) | eui[at + 1]!).toString(16));
  return `fe80::${groups.join(":")}`;
}

function address(name: string, mac: string, inet: readonly string[], inet6: string): object {
  const one = (text: string, type: string): object => ({
    "ip-address": text.split("/")[0],
    prefix: text.split("/")[1],
    "ip-address-type": type,
  });
  return {
    name,
    hwaddr: mac,
    "hardware-address": mac,
    ...(inet[0] === undefined ? {} : { inet: inet[0] }),
    inet6,
    "ip-addresses": [...inet.map((text) => one(text, "inet")), one(inet6, "inet6")],
  };
}

const audit = need("/vms/{vmid}", "VM.Audit");
const subdirectories = (names: string) => () => names.split(" ").map((subdir) => ({ subdir }));

/** What guests do now. */
export const statusEndpoints: Endpoints = {
  "GET /nodes/{node}/lxc": endpoint("all", {}, (call) => list(call, "lxc")),
  "GET /nodes/{node}/qemu": endpoint("all", { full: flag }, (call) => list(call, "qemu")),
  "GET /nodes/{node}/lxc/{vmid}": endpoint(
    "all",
    {},
    subdirectories(
      "config pending status vncproxy termproxy vncwebsocket spiceproxy migrate clone rrd rrddata firewall snapshot resize interfaces",
    ),
  ),
  "GET /nodes/{node}/qemu/{vmid}": endpoint(
    "all",
    {},
    subdirectories(
      "config cloudinit pending status unlink vncproxy termproxy migrate resize move rrd rrddata monitor agent snapshot spiceproxy sendkey firewall mtunnel remote_migrate",
    ),
  ),
  "GET /nodes/{node}/lxc/{vmid}/status/current": endpoint(audit, {}, (call) => current(call, guestOf(call, "lxc"))),
  "GET /nodes/{node}/qemu/{vmid}/status/current": endpoint(audit, {}, (call) => current(call, guestOf(call, "qemu"))),
  "GET /nodes/{node}/lxc/{vmid}/interfaces": endpoint(audit, {}, interfaces),
};
