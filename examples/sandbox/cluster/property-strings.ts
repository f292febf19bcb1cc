import { parseProperties } from "../../../schemas/proxmox/properties.ts";
import { type FormatName, formats } from "./formats.ts";

/** A part of a property string. */
export interface Part {
  readonly type?: "integer" | "boolean" | "number" | undefined;
  readonly min?: number | undefined;
  readonly format?: FormatName | undefined;
  readonly required?: true | undefined;
}

/** What a property string may have: its parts by key, and the key of a first part without one. */
export interface PropertyFormat {
  readonly first?: string | undefined;
  readonly parts: Readonly<Record<string, Part>>;
  /** Keys that stand for another, with their own name as its value: `virtio=MAC` of a network card. */
  readonly models?: readonly string[] | undefined;
}

const texts = (names: string): Record<string, Part> => Object.fromEntries(names.split(" ").map((name) => [name, {}]));
const models =
  "e1000 e1000-82540em e1000-82544gc e1000-82545em e1000e i82551 i82557b i82559er ne2k_isa ne2k_pci pcnet rtl8139 virtio vmxnet3";
const drive: PropertyFormat = {
  first: "file",
  parts: {
    ...texts(
      "aio backup bps bps_max_length bps_rd bps_rd_max_length bps_wr bps_wr_max_length bytes cache cyls detect_zeroes discard format heads import-from iops iops_max iops_max_length iops_rd iops_rd_max iops_rd_max_length iops_wr iops_wr_max iops_wr_max_length iothread mbps mbps_max mbps_rd mbps_rd_max mbps_wr mbps_wr_max media model queues readonly replicate rerror ro scsiblock secs serial shared size snapshot ssd trans werror wwn product vendor",
    ),
    file: { required: true },
  },
};
const mount: PropertyFormat = {
  first: "volume",
  parts: { ...texts("acl backup mountoptions quota replicate ro shared size"), volume: { required: true }, mp: { required: true } },
};
const { mp: _, ...rootParts } = mount.parts;

/** The property strings of guests' configurations that are checked and put in order, by Proxmox VE's name for the keys. */
export const propertyFormats = {
  "lxc-net": {
    parts: {
      name: { required: true },
      ...texts("bridge firewall host-managed hwaddr link_down mtu rate tag trunks type"),
      hwaddr: { format: "mac-addr" },
      mtu: { type: "integer", min: 64 },
      tag: { type: "integer", min: 1 },
      ip: { format: "pve-ipv4-config" },
      gw: { format: "ipv4" },
      ip6: { format: "pve-ipv6-config" },
      gw6: { format: "ipv6" },
    },
  },
  "lxc-mount": mount,
  "lxc-root": { first: "volume", parts: rootParts },
  "lxc-features": { parts: texts("nesting keyctl fuse mount mknod force_rw_sys") },
  "lxc-device": { first: "path", parts: { ...texts("deny-write gid mode uid"), path: {} } },
  "vm-net": {
    models: models.split(" "),
    parts: {
      model: { required: true },
      ...texts("bridge firewall link_down mtu queues rate tag trunks"),
      macaddr: { format: "mac-addr" },
      tag: { type: "integer", min: 1 },
      queues: { type: "integer", min: 0 },
    },
  },
  "vm-drive": drive,
  "vm-ipconfig": {
    parts: { ip: { format: "pve-ipv4-config-vm" }, gw: { format: "ipv4" }, ip6: { format: "pve-ipv6-config" }, gw6: { format: "ipv6" } },
  },
  "vm-memory": { first: "current", parts: { current: { type: "integer", min: 16 } } },
  "vm-agent": { first: "enabled", parts: { enabled: { type: "boolean" }, ...texts("freeze-fs-on-backup fstrim_cloned_disks type") } },
  unused: { first: "volume", parts: { volume: { required: true } } },
} as const satisfies Record<string, PropertyFormat>;
export type PropertyFormatName = keyof typeof propertyFormats;

/** Takes a property string apart by its format: model cards get the keys `model` and `macaddr`. */
export function splitProperties(name: PropertyFormatName, text: string): Record<string, string> {
  const format: PropertyFormat = propertyFormats[name];
  const found = { ...parseProperties(text, format.first ?? (format.models === undefined ? "" : "model")) };
  for (const model of format.models ?? []) {
    const mac = found[model];
    if (mac === undefined || found["model"] !== undefined) continue;
    delete found[model];
    return { model, ...(mac === "" ? {} : { macaddr: mac }), ...found };
  }
  return found;
}

/** Puts it together as PVE::JSONSchema::print_property_string does: first the key that needs no name, then what is required, then the rest by name. */
export function joinProperties(name: PropertyFormatName, found: Readonly<Record<string, string>>): string {
  const format: PropertyFormat = propertyFormats[name];
  const rank = (key: string): number => (key === format.first ? 0 : format.parts[key]?.required === true ? 1 : 2);
  const { model, macaddr, ...rest } = found;
  const keys = Object.keys(format.models === undefined ? found : rest).sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  const printed = keys.map((key) => (key === format.first ? found[key]! : `${key}=${found[key]!}`));
  if (format.models === undefined) return printed.join(",");
  return [macaddr === undefined ? model : `${model}=${macaddr}`, ...printed].join(",");
}

/** Whether a property string keeps its format: undefined, or what Proxmox VE says, with the key it stands in. */
export function propertyFault(name: PropertyFormatName, key: string, text: string): string | undefined {
  const format: PropertyFormat = propertyFormats[name],
    found = splitProperties(name, text);
  const faults: string[] = [];
  for (const [part, value] of Object.entries(found)) {
    const known = format.parts[part];
    if (known === undefined)
      faults.push(`${key}.${part}: property is not defined in schema and the schema does not allow additional properties`);
    else {
      const fault = partFault(known, value);
      if (fault !== undefined) faults.push(`${key}.${part}: ${fault}`);
    }
  }
  for (const [part, { required }] of Object.entries(format.parts))
    if (required === true && found[part] === undefined) faults.push(`${key}.${part}: property is missing and it is not optional`);
  return faults.length === 0 ? undefined : `invalid format - format error\n${faults.join("\n")}\n`;
}

function partFault({ type, min, format }: Part, value: string): string | undefined {
  if (type === "integer" && !/^-?\d+$/.test(value)) return `type check ('integer') failed - got '${value}'`;
  if (type === "boolean" && !/^(0|1|yes|no|on|off|true|false)$/i.test(value)) return `type check ('boolean') failed - got '${value}'`;
  if (min !== undefined && Number(value) < min) return `value must have a minimum value of ${min}`;
  const fault = format === undefined ? undefined : formats[format](value);
  return fault === undefined ? undefined : `invalid format - ${fault}\n`;
}
