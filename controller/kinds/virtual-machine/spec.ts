import Type, { type Static } from "typebox";
import { Size } from "../../../schemas/manifest.ts";
import { oneOf } from "../../../schemas/one-of.ts";
import { StorageName, VolumeId } from "../../../schemas/verbs/proxmox/guest.ts";
import { CloneSource, guestFields, nullable, RestoreSource, Secret, Trunks, word } from "../guest/spec.ts";

const strict = { additionalProperties: false };
const flag = (description: string) => Type.Optional(Type.Boolean({ description }));
const said = (description: string, maxLength = 256) => Type.String({ minLength: 1, maxLength, description });
const text = (description: string, maxLength = 256) => Type.Optional(said(description, maxLength));

const Disk = Type.Object(
  {
    storage: Type.Optional(Type.Unsafe<string>({ ...StorageName, description: "Where it lies; a disk elsewhere is moved there" })),
    size: Type.Optional(Type.Unsafe<string>({ ...Size, description: "Grows, never shrinks" })),
    image: Type.Optional(
      Type.Unsafe<string>({ ...VolumeId, description: "Image that a new disk is filled from, storage:import/… or storage:iso/…" }),
    ),
    iso: Type.Optional(
      Type.Union([VolumeId, Type.Literal("none"), Type.Literal("cdrom")], {
        description: "CD in the drive, storage:iso/…; none: an empty drive; cdrom: the node's own drive",
      }),
    ),
    cloudInit: flag("The drive that cloud-init reads"),
    format: Type.Optional(oneOf(["raw", "qcow2", "vmdk"] as const)),
    cache: nullable(oneOf(["none", "writethrough", "writeback", "unsafe", "directsync"] as const)),
    discard: flag("Tells the storage what is free"),
    ssd: flag("Shown as a solid-state disk"),
    ioThread: flag("With a thread of its own"),
    readOnly: flag("Read only"),
    backup: flag("Part of backups"),
    replicate: flag("Part of storage replication"),
    shared: flag("The same on every node"),
    serial: nullable(said("Serial number", 60)),
    aio: nullable(oneOf(["native", "threads", "io_uring"] as const)),
    mbpsRead: nullable(Type.Number({ minimum: 0, description: "MB a second read at most" })),
    mbpsWrite: nullable(Type.Number({ minimum: 0, description: "MB a second written at most" })),
    iopsRead: nullable(Type.Integer({ minimum: 0 })),
    iopsWrite: nullable(Type.Integer({ minimum: 0 })),
  },
  strict,
);

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
] as const;

const Network = Type.Object(
  {
    model: Type.Optional(oneOf(models)),
    bridge: text("Bridge of the node, such as vmbr0", 64),
    mac: Type.Optional(Type.String({ pattern: "^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$" })),
    vlan: nullable(Type.Integer({ minimum: 1, maximum: 4094 })),
    trunks: nullable(Trunks),
    firewall: flag("Whether the node's firewall looks at it"),
    rate: nullable(Type.Number({ minimum: 0, description: "MB a second at most" })),
    mtu: nullable(Type.Integer({ minimum: 1, maximum: 65_520, description: "1: that of the bridge" })),
    queues: nullable(Type.Integer({ minimum: 0, maximum: 64 })),
    linkDown: flag("Cable pulled"),
  },
  strict,
);

const Address = Type.Object(
  {
    ip: nullable(said("IPv4 address with prefix, or dhcp", 64)),
    gateway: nullable(said("IPv4 gateway", 64)),
    ip6: nullable(said("IPv6 address with prefix, auto or dhcp", 64)),
    gateway6: nullable(said("IPv6 gateway", 64)),
  },
  strict,
);

const CloudInit = Type.Object(
  {
    user: text("User that is made", 64),
    password: Type.Optional(Secret),
    sshKeys: Type.Optional(Type.Array(Type.String({ maxLength: 8192 }), { maxItems: 64 })),
    upgrade: flag("Upgrade packages at the first start"),
    type: Type.Optional(oneOf(["nocloud", "configdrive2", "opennebula"] as const)),
    addresses: Type.Optional(
      Type.Record(Type.String({ pattern: "^net([0-9]|[12][0-9]|3[01])$" }), Address, {
        ...strict,
        description: "Addresses by network card (net0 …)",
      }),
    ),
    custom: text("Files of your own: user=storage:snippets/…,network=…", 1024),
  },
  { ...strict, description: "What cloud-init sets up inside; takes effect at the next start" },
);

const diskKey = "^((ide[0-3])|(sata[0-5])|(scsi([0-9]|[12][0-9]|30))|(virtio([0-9]|1[0-5])))$";

export const VirtualMachineSpec = Type.Object(
  {
    ...guestFields,
    source: Type.Optional(
      Type.Union([Type.Object(CloneSource, strict), Type.Object(RestoreSource, strict)], {
        description: "What it is made from, and nothing afterwards: a clone or a backup",
      }),
    ),
    sockets: Type.Optional(Type.Integer({ minimum: 1, maximum: 128, description: "CPU sockets" })),
    cpu: text("CPU type, such as host or x86-64-v2-AES", 256),
    numa: flag("NUMA; needed to plug memory and CPUs in at run time"),
    vcpus: nullable(Type.Integer({ minimum: 1, maximum: 8192, description: "CPUs plugged in, of sockets times cores" })),
    balloon: nullable(Type.Unsafe<string>({ ...Size, description: "Memory it may shrink to; 0B: no ballooning" })),
    hotplug: Type.Optional(
      Type.Array(oneOf(["network", "disk", "usb", "memory", "cpu", "cloudinit"] as const), {
        maxItems: 6,
        description: "What changes while it runs",
      }),
    ),
    bios: Type.Optional(word(["seabios", "ovmf"], "Firmware; ovmf is UEFI")),
    efiDisk: Type.Optional(
      Type.Object(
        {
          storage: StorageName,
          preEnrolledKeys: flag("With Microsoft's keys for Secure Boot"),
          format: Type.Optional(oneOf(["raw", "qcow2"] as const)),
        },
        { ...strict, description: "Drive of UEFI settings, made once" },
      ),
    ),
    tpm: Type.Optional(
      Type.Object(
        { storage: StorageName, version: Type.Optional(oneOf(["v1.2", "v2.0"] as const)) },
        { ...strict, description: "State of a TPM, made once" },
      ),
    ),
    machine: text("Machine type, such as q35", 64),
    osType: Type.Optional(
      word(
        ["other", "wxp", "w2k", "w2k3", "w2k8", "wvista", "win7", "win8", "win10", "win11", "l24", "l26", "solaris"],
        "What runs inside",
      ),
    ),
    arch: Type.Optional(word(["x86_64", "aarch64"], "Architecture; root only")),
    scsiController: Type.Optional(
      word(["lsi", "lsi53c810", "virtio-scsi-pci", "virtio-scsi-single", "megasas", "pvscsi"], "Controller of scsi disks"),
    ),
    boot: Type.Optional(
      Type.Array(Type.String({ pattern: "^(ide|sata|scsi|virtio|net|usb|hostpci)[0-9]+$" }), {
        maxItems: 32,
        description: "Devices in the order of booting",
      }),
    ),
    disks: Type.Optional(
      Type.Record(Type.String({ pattern: diskKey }), Type.Union([Disk, Type.Null()]), {
        ...strict,
        description: "Disks and drives by key (scsi0, ide2 …); null: detached, its volume is kept as unused. Others are left alone",
      }),
    ),
    networks: Type.Optional(
      Type.Record(Type.String({ pattern: "^net([0-9]|[12][0-9]|3[01])$" }), Type.Union([Network, Type.Null()]), {
        ...strict,
        description: "Network cards by key (net0 …); null: removed. Others are left alone",
      }),
    ),
    cloudInit: Type.Optional(CloudInit),
    guestAgent: flag("Whether it has the QEMU guest agent"),
    display: text("vga, such as std, serial0 or virtio", 64),
    serial: Type.Optional(
      Type.Record(
        Type.String({ pattern: "^serial[0-3]$" }),
        Type.Union([Type.String({ pattern: "^(socket|/dev/.+)$", maxLength: 256 }), Type.Null()]),
        { ...strict, description: "Serial ports by key (serial0 …): socket, or a device of the node; null: removed" },
      ),
    ),
    usb: Type.Optional(
      Type.Record(Type.String({ pattern: "^usb([0-9]|1[0-3])$" }), Type.Union([Type.String({ maxLength: 256 }), Type.Null()]), {
        ...strict,
        description: "USB devices by key (usb0 …), in Proxmox VE's words; null: removed",
      }),
    ),
    pci: Type.Optional(
      Type.Record(Type.String({ pattern: "^hostpci([0-9]|1[0-5])$" }), Type.Union([Type.String({ maxLength: 512 }), Type.Null()]), {
        ...strict,
        description: "PCI devices by key (hostpci0 …), in Proxmox VE's words; null: removed",
      }),
    ),
    tablet: flag("Pointer for the console"),
    kvm: flag("Hardware virtualisation"),
    hookScript: nullable(Type.Unsafe<string>({ ...VolumeId, description: "Script of the node, storage:snippets/…; root only" })),
  },
  { additionalProperties: false },
);
export type VirtualMachineSpec = Static<typeof VirtualMachineSpec>;
