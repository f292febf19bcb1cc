/** A property string of Proxmox VE taken apart: `virtio=BC:24:11:00:13:E6,bridge=vmbr0` has the keys virtio and bridge. */
export type Properties = Readonly<Record<string, string>>;

/**
 * Takes `a=b,c=d` apart; a first part without `=` gets the key `first`, as Proxmox VE's default keys do (volume, file, enabled).
 * A later part without `=` is kept under its own text with an empty value, so that nothing is lost.
 */
export function parseProperties(text: string, first = ""): Properties {
  const found: Record<string, string> = {};
  for (const [at, part] of text.split(",").entries()) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    if (equals < 0 && at === 0 && first !== "") found[first] = part;
    else if (equals < 0) found[part] = "";
    else found[part.slice(0, equals)] = part.slice(equals + 1);
  }
  return found;
}

/** Puts properties together: `first` without its key in front, the others in the order given; undefined ones are left out. Throws where a value would break the string. */
export function printProperties(properties: Readonly<Record<string, string | undefined>>, first = ""): string {
  const parts: string[] = [];
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined) continue;
    if (/[,\s]/.test(value) || /[,=\s]/.test(key))
      throw new RangeError(`${key}: a property string has no place for ${JSON.stringify(value)}`);
    if (key === first) parts.unshift(value);
    else parts.push(`${key}=${value}`);
  }
  return parts.join(",");
}

/** Whether a text of Proxmox VE means yes: 1, yes, on and true do (PVE::JSONSchema::parse_boolean). */
export const isYes = (text: string | undefined): boolean => text !== undefined && /^(1|yes|on|true)$/i.test(text);

const units = { "": 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 } as const;

/** Bytes of a size as Proxmox VE writes it: `8G`, `528K`, `1.5T`, or plain bytes; undefined for any other text. */
export function parseSize(text: string | undefined): number | undefined {
  const [, count, unit] = /^(\d+(?:\.\d+)?)([KMGT]?)$/.exec(text ?? "") ?? [];
  return count === undefined ? undefined : Math.round(Number(count) * units[unit as keyof typeof units]);
}

/** A size in bytes as Proxmox VE writes it, in the largest unit that divides it (PVE::JSONSchema::format_size). */
export function printSize(bytes: number): string {
  for (const unit of ["T", "G", "M", "K"] as const)
    if (bytes >= units[unit] && bytes % units[unit] === 0) return `${bytes / units[unit]}${unit}`;
  return String(bytes);
}

const models = [
  "virtio",
  "e1000",
  "e1000e",
  "e1000-82540em",
  "e1000-82544gc",
  "e1000-82545em",
  "i82551",
  "i82557b",
  "i82559er",
  "ne2k_isa",
  "ne2k_pci",
  "pcnet",
  "rtl8139",
  "vmxnet3",
];

/** A VM's network card with `model` and `macaddr` as keys of their own, whichever way it was written (`virtio=MAC`, `model=virtio,macaddr=MAC`, `virtio`). */
export function parseVmNetwork(text: string): Properties {
  const { ...found } = parseProperties(text, "model") as Record<string, string>;
  for (const model of models) {
    const mac = found[model];
    if (mac === undefined) continue;
    delete found[model];
    return { model, ...(mac === "" ? {} : { macaddr: mac }), ...found };
  }
  return found;
}

/** The same put together again, the way Proxmox VE writes it. */
export function printVmNetwork({ model = "virtio", macaddr, ...rest }: Readonly<Record<string, string | undefined>>): string {
  return printProperties(macaddr === undefined ? { model, ...rest } : { [model]: macaddr, ...rest }, "model");
}

/** Tags in the form in which Proxmox VE gives them back: lower case, sorted, each once. */
export const normalTags = (tags: readonly string[]): string[] => [...new Set(tags.map((tag) => tag.toLowerCase()))].sort();

/** Tags of a text, which has `;`, `,` or blanks between them. */
export const parseTags = (text: string | undefined): string[] => normalTags((text ?? "").split(/[;,\s]+/).filter((tag) => tag !== ""));

export const printTags = (tags: readonly string[]): string => normalTags(tags).join(";");

/** Keys of the configuration that hold a disk of a VM or a mount of a container. */
export const isDiskKey = (key: string): boolean => /^((ide|sata|scsi|virtio|mp)\d+|efidisk0|tpmstate0|rootfs)$/.test(key);
export const isUnusedKey = (key: string): boolean => /^unused\d+$/.test(key);
export const isNetworkKey = (key: string): boolean => /^net\d+$/.test(key);

/** A disk or mount with `volume` as the key of what it holds. */
export function parseDisk(text: string): Properties {
  const { file, ...found } = parseProperties(text, "volume") as Record<string, string>;
  return file === undefined ? found : { volume: file, ...found };
}

export const printDisk = (disk: Readonly<Record<string, string | undefined>>): string => printProperties(disk, "volume");

/** The storage that a volume lies on; undefined for a path of the node, `none` and `cdrom`. */
export const storageOf = (volume: string | undefined): string | undefined => /^([A-Za-z][A-Za-z0-9._-]*):/.exec(volume ?? "")?.[1];
