import { each, flag, formatted, integer, must, number, oneOf, type Parameters, properties, text } from "../parameters.ts";

const names = formatted("dns-name");
const tags = formatted("pve-tag-list");
const description = text({ maxLength: 8192 });

/** The keys of a container's configuration. */
export const containerKeys: Parameters = {
  ...each("console debug onboot protection template unprivileged", flag),
  arch: oneOf("amd64", "i386", "arm64", "armhf", "riscv32", "riscv64"),
  cmode: oneOf("shell", "console", "tty"),
  cores: integer({ minimum: 1, maximum: 8192 }),
  cpulimit: number({ minimum: 0, maximum: 8192 }),
  cpuunits: integer({ minimum: 0, maximum: 500_000 }),
  description,
  "dev[n]": properties("lxc-device"),
  features: properties("lxc-features"),
  hookscript: formatted("pve-volume-id"),
  hostname: formatted("dns-name", { maxLength: 255 }),
  lock: oneOf("backup", "create", "destroyed", "disk", "fstrim", "migrate", "mounted", "rollback", "snapshot", "snapshot-delete"),
  memory: integer({ minimum: 16 }),
  "mp[n]": properties("lxc-mount"),
  nameserver: text(),
  "net[n]": properties("lxc-net"),
  ostype: oneOf(..."debian devuan ubuntu centos fedora opensuse archlinux alpine gentoo nixos unmanaged".split(" ")),
  rootfs: properties("lxc-root"),
  searchdomain: formatted("dns-name-list"),
  startup: formatted("pve-startup-order"),
  swap: integer({ minimum: 0 }),
  tags,
  timezone: text(),
  tty: integer({ minimum: 0, maximum: 6 }),
  "unused[n]": properties("unused"),
};

/** The keys of a VM's configuration. */
export const vmKeys: Parameters = {
  ...each("acpi autostart ciupgrade freeze keephugepages kvm localtime numa onboot protection reboot tablet tdf template", flag),
  ...each(
    "affinity args cicustom cipassword ciuser nameserver searchdomain smbios1 vga machine cpu boot cdrom hotplug ivshmem rng0 watchdog amd-sev",
    text(),
  ),
  ...each("hostpci[n] usb[n] numa[n] virtiofs[n] audio0 spice_enhancements", text()),
  ...each("ide[n] sata[n] scsi[n] virtio[n] efidisk0 tpmstate0", text()),
  agent: properties("vm-agent"),
  arch: oneOf("x86_64", "aarch64"),
  balloon: integer({ minimum: 0 }),
  bios: oneOf("seabios", "ovmf"),
  bootdisk: text({ pattern: /(ide|sata|scsi|virtio)\d+/ }),
  citype: oneOf("configdrive2", "nocloud", "opennebula"),
  cores: integer({ minimum: 1 }),
  cpulimit: number({ minimum: 0, maximum: 128 }),
  cpuunits: integer({ minimum: 1, maximum: 262_144 }),
  description,
  hookscript: formatted("pve-volume-id"),
  hugepages: oneOf("any", "2", "1024"),
  "ipconfig[n]": properties("vm-ipconfig"),
  keyboard: text(),
  lock: oneOf("backup", "clone", "create", "migrate", "rollback", "snapshot", "snapshot-delete", "suspending", "suspended"),
  memory: properties("vm-memory"),
  migrate_downtime: number({ minimum: 0 }),
  migrate_speed: integer({ minimum: 0 }),
  name: names,
  "net[n]": properties("vm-net"),
  ostype: oneOf(..."other wxp w2k w2k3 w2k8 wvista win7 win8 win10 win11 l24 l26 solaris".split(" ")),
  "parallel[n]": text({ pattern: /\/dev\/parport\d+|\/dev\/usb\/lp\d+/ }),
  scsihw: oneOf("lsi", "lsi53c810", "virtio-scsi-pci", "virtio-scsi-single", "megasas", "pvscsi"),
  "serial[n]": text({ pattern: /(\/dev\/.+|socket)/ }),
  shares: integer({ minimum: 0, maximum: 50_000 }),
  smp: integer({ minimum: 1 }),
  sockets: integer({ minimum: 1 }),
  sshkeys: formatted("urlencoded"),
  startdate: text(),
  startup: formatted("pve-startup-order"),
  tags,
  "unused[n]": text(),
  vcpus: integer({ minimum: 1 }),
  vmgenid: text(),
  vmstatestorage: formatted("pve-storage-id"),
};

/** Keys that a change takes beside those of the configuration. */
export const changeKeys: Parameters = {
  delete: formatted("pve-configid-list"),
  digest: text({ maxLength: 40 }),
  revert: formatted("pve-configid-list"),
};

const storage = formatted("pve-storage-id");

export const containerCreation: Parameters = {
  ...containerKeys,
  vmid: must(integer({ minimum: 100, maximum: 999_999_999, format: "pve-vmid" })),
  ostemplate: must(text({ maxLength: 255 })),
  password: text({ minLength: 5 }),
  "ssh-public-keys": text(),
  pool: formatted("pve-poolid"),
  storage,
  bwlimit: number({ minimum: 0 }),
  ...each("force ignore-unpack-errors restore start unique", flag),
};

export const vmCreation: Parameters = {
  ...vmKeys,
  vmid: must(integer({ minimum: 100, maximum: 999_999_999, format: "pve-vmid" })),
  archive: text({ maxLength: 255 }),
  pool: formatted("pve-poolid"),
  storage,
  "import-working-storage": storage,
  bwlimit: integer({ minimum: 0 }),
  ...each("force live-restore start unique", flag),
};
