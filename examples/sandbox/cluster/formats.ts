import { isIPv4, isIPv6 } from "node:net";

/** Whether a text has a format of Proxmox VE's: undefined, or what it says is wrong with it. */
export type Format = (text: string) => string | undefined;

const matches =
  (pattern: RegExp, otherwise: (text: string) => string): Format =>
  (text) =>
    pattern.test(text) ? undefined : otherwise(text);
const label = "[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";
const parts = (text: string): string[] => text.split(/[,;\s]+/).filter((part) => part !== "");
const listOf =
  (format: Format): Format =>
  (text) =>
    parts(text)
      .map(format)
      .find((reason) => reason !== undefined);

const dnsName = matches(new RegExp(`^${label}(\\.${label})*$`), () => "value does not look like a valid DNS name");
const configId = matches(/^[a-z][a-z0-9_-]+$/i, (text) => `invalid configuration ID '${text}'`);
const node = matches(new RegExp(`^${label}$`), () => "value does not look like a valid node name");
const storage = matches(/^[a-z][a-z0-9\-_.]*[a-z0-9]$/i, (text) => `storage ID '${text}' contains illegal characters`);
const guestId: Format = (text) => (/^[1-9][0-9]{2,8}$/.test(text) ? undefined : "value does not look like a valid VM ID");
const cidr4: Format = (text) => {
  const [address, bits, more] = text.split("/");
  return more === undefined && isIPv4(address ?? "") && /^\d+$/.test(bits ?? "") && Number(bits) <= 32
    ? undefined
    : "value does not look like a valid ipv4 network configuration";
};
const cidr6: Format = (text) => {
  const [address, bits, more] = text.split("/");
  return more === undefined && isIPv6(address ?? "") && /^\d+$/.test(bits ?? "") && Number(bits) <= 128
    ? undefined
    : "value does not look like a valid ipv6 network configuration";
};
const orWord =
  (words: readonly string[], format: Format): Format =>
  (text) =>
    words.includes(text) ? undefined : format(text);
const statuses = ["ok", "error", "warning", "unknown"];

/** The formats by Proxmox VE's names for them. */
export const formats = {
  "dns-name": dnsName,
  "dns-name-list": listOf(dnsName),
  "pve-configid": configId,
  "pve-configid-list": listOf(matches(/^[a-z][a-z0-9_-]*$/i, (text) => `invalid configuration ID '${text}'`)),
  "pve-node": node,
  "pve-node-list": listOf(node),
  "pve-storage-id": storage,
  "pve-storage-id-list": listOf(storage),
  "pve-vmid": guestId,
  "pve-vmid-list": listOf(guestId),
  "pve-poolid": matches(/^[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+){0,2}$/, (text) => `value '${text}' does not look like a valid pool ID`),
  "pve-volume-id": matches(/^[a-z][a-z0-9\-_.]*[a-z0-9]:.+$/i, (text) => `unable to parse volume ID '${text}'`),
  "pve-tag-list": (text) => (parts(text).every((tag) => /^[a-z0-9_][a-z0-9_\-+.]*$/i.test(tag)) ? undefined : "invalid characters in tag"),
  "pve-task-status-type-list": (text) => {
    const odd = parts(text).find((status) => !statuses.includes(status));
    return odd === undefined ? undefined : `invalid status '${odd}'`;
  },
  "pve-ha-resource-or-vm-id": matches(/^((ct|vm):)?[1-9][0-9]{2,8}$/, (text) => `value does not look like a valid ha resource id: ${text}`),
  "pve-ha-group-node-list": listOf(matches(new RegExp(`^${label}(:\\d+)?$`), () => "value does not look like a valid ha group node")),
  "pve-iface": matches(/^[a-zA-Z][a-zA-Z0-9_]{1,20}([:.]\d+)?$/, (text) => `invalid network interface name '${text}'`),
  "pve-startup-order": matches(/^(order=)?\d*(,?(up|down)=\d+)*$/, () => "unable to parse startup options"),
  urlencoded: matches(/^([-a-zA-Z0-9_.!~*'()]|%[0-9a-f]{2})*$/i, (text) => `invalid urlencoded string: ${text}`),
  CIDRv4: cidr4,
  CIDRv6: cidr6,
  ipv4: (text) => (isIPv4(text) ? undefined : "value does not look like a valid ipv4 address"),
  ipv6: (text) => (isIPv6(text) ? undefined : "value does not look like a valid ipv6 address"),
  "pve-ipv4-config": orWord(["dhcp", "manual"], cidr4),
  "pve-ipv4-config-vm": orWord(["dhcp"], cidr4),
  "pve-ipv6-config": orWord(["auto", "dhcp", "manual"], cidr6),
  "mac-addr": matches(/^[a-f0-9][02468ace](:[a-f0-9]{2}){5}$/i, () => "value does not look like a valid unicast MAC address"),
  "pve-calendar-event": matches(/^[\w\s:*,/.~-]+$/, () => "value is not a valid calendar event"),
  any: () => undefined,
} as const satisfies Record<string, Format>;
export type FormatName = keyof typeof formats;
