import Type, { type Static } from "typebox";
import { Size } from "../../../schemas/manifest.ts";
import { oneOf } from "../../../schemas/one-of.ts";
import { StorageName, VolumeId } from "../../../schemas/verbs/proxmox/guest.ts";
import { CloneSource, guestFields, nullable, RestoreSource, Secret, Trunks, word } from "../guest/spec.ts";

const strict = { additionalProperties: false };
const flag = (description: string) => Type.Optional(Type.Boolean({ description }));
const said = (description: string, maxLength = 256) => Type.String({ minLength: 1, maxLength, description });
const text = (description: string, maxLength = 256) => Type.Optional(said(description, maxLength));

const volume = {
  storage: Type.Optional(Type.Unsafe<string>({ ...StorageName, description: "Where it lies; a volume elsewhere is moved there" })),
  size: Type.Optional(Type.Unsafe<string>({ ...Size, description: "Grows, never shrinks" })),
  acl: flag("POSIX ACLs"),
  quota: flag("User quotas"),
  readOnly: flag("Read only"),
  replicate: flag("Part of storage replication"),
  shared: flag("The same on every node"),
  mountOptions: nullable(Type.Array(oneOf(["discard", "lazytime", "noatime", "nodev", "noexec", "nosuid"] as const), { maxItems: 6 })),
};

const Mount = Type.Object(
  {
    ...volume,
    path: Type.Optional(Type.String({ pattern: "^/", maxLength: 4096, description: "Where it is mounted in the container" })),
    bind: Type.Optional(
      Type.String({ pattern: "^/", maxLength: 4096, description: "Folder of the node, in place of a volume; root only" }),
    ),
    backup: flag("Part of backups"),
  },
  strict,
);

const Network = Type.Object(
  {
    name: text("Interface inside, such as eth0", 15),
    bridge: text("Bridge of the node, such as vmbr0", 64),
    mac: Type.Optional(Type.String({ pattern: "^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$" })),
    vlan: nullable(Type.Integer({ minimum: 1, maximum: 4094 })),
    trunks: nullable(Trunks),
    firewall: flag("Whether the node's firewall looks at it"),
    rate: nullable(Type.Number({ minimum: 0, description: "MB a second at most" })),
    mtu: nullable(Type.Integer({ minimum: 64, maximum: 65_535 })),
    linkDown: flag("Cable pulled"),
    ip: nullable(said("IPv4 address with prefix, dhcp or manual", 64)),
    gateway: nullable(said("IPv4 gateway", 64)),
    ip6: nullable(said("IPv6 address with prefix, auto, dhcp or manual", 64)),
    gateway6: nullable(said("IPv6 gateway", 64)),
  },
  strict,
);

export const ContainerSpec = Type.Object(
  {
    ...guestFields,
    source: Type.Optional(
      Type.Union(
        [
          Type.Object(
            {
              template: Type.Unsafe<string>({ ...VolumeId, description: "Container template, storage:vztmpl/…" }),
              password: Type.Optional(Secret),
              sshKeys: Type.Optional(Type.Array(Type.String({ maxLength: 8192 }), { maxItems: 64 })),
            },
            strict,
          ),
          Type.Object(CloneSource, strict),
          Type.Object(RestoreSource, strict),
        ],
        { description: "What it is made from, and nothing afterwards: a template, a clone or a backup" },
      ),
    ),
    swap: Type.Optional(Type.Unsafe<string>({ ...Size, description: "Swap; 0B: none" })),
    arch: Type.Optional(word(["amd64", "i386", "arm64", "armhf", "riscv32", "riscv64"], "Architecture; cannot be changed later")),
    osType: text("Distribution, for what is set up inside; found out where it is left out", 32),
    unprivileged: flag("Root inside is nobody outside; cannot be changed later"),
    features: Type.Optional(
      Type.Object(
        {
          nesting: flag("Containers inside it"),
          keyctl: flag("The keyctl() system call; root only"),
          fuse: flag("FUSE file systems; root only"),
          mknod: flag("Device nodes; root only"),
          mount: nullable(
            Type.Array(Type.String({ pattern: "^[a-z0-9_]+$", maxLength: 32 }), {
              maxItems: 8,
              description: "File systems that may be mounted; root only",
            }),
          ),
        },
        { ...strict, description: "What it may do beside the usual; takes effect at a start" },
      ),
    ),
    rootDisk: Type.Optional(Type.Object(volume, { ...strict, description: "The root file system" })),
    mounts: Type.Optional(
      Type.Record(Type.String({ pattern: "^mp([0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])$" }), Type.Union([Mount, Type.Null()]), {
        ...strict,
        description: "Mount points by key (mp0 …); null: detached, its volume is kept as unused. Others are left alone",
      }),
    ),
    networks: Type.Optional(
      Type.Record(Type.String({ pattern: "^net([0-9]|[12][0-9]|3[01])$" }), Type.Union([Network, Type.Null()]), {
        ...strict,
        description: "Network cards by key (net0 …); null: removed. Others are left alone",
      }),
    ),
    timezone: nullable(said("Time zone, or host", 64)),
    console: flag("Whether it has a console"),
    consoleMode: Type.Optional(word(["tty", "console", "shell"], "What its console is")),
    ttys: Type.Optional(Type.Integer({ minimum: 0, maximum: 6, description: "Terminals" })),
    hookScript: nullable(Type.Unsafe<string>({ ...VolumeId, description: "Script of the node, storage:snippets/…; root only" })),
  },
  { additionalProperties: false },
);
export type ContainerSpec = Static<typeof ContainerSpec>;
