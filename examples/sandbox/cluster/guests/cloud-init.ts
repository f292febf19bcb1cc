import { digestOf } from "../chance.ts";
import { type Call, endpoint, type Endpoints, guestOf, textIn } from "../endpoint.ts";
import { must, oneOf } from "../parameters.ts";
import { need } from "../permissions.ts";
import { failed } from "../refused.ts";

/** What is on a VM's cloud-init drive, as far as its configuration says it. */
function cloudInitFile(call: Call): string {
  const { config, id } = guestOf(call, "qemu"),
    type = textIn(call, "type")!,
    name = String(config["name"] ?? `VM${id}`);
  if (type === "meta") return `instance-id: ${digestOf(JSON.stringify(config))}\n`;
  if (type === "network") return `version: 1\nconfig:\n    - type: physical\n      name: eth0\n`;
  if (type !== "user") throw failed("unknown type");
  const keys = decodeURIComponent(String(config["sshkeys"] ?? "")).trim();
  return [
    "#cloud-config",
    `hostname: ${name}`,
    "manage_etc_hosts: true",
    `fqdn: ${[name, config["searchdomain"]].filter((part) => part !== undefined).join(".")}`,
    ...(config["ciuser"] === undefined ? [] : [`user: ${config["ciuser"]}`]),
    ...(keys === "" ? [] : ["ssh_authorized_keys:", ...keys.split("\n").map((key) => `  - ${key}`)]),
    "chpasswd:",
    "  expire: False",
    "package_upgrade: true",
    "",
  ].join("\n");
}

const audit = need("/vms/{vmid}", "VM.Audit"),
  at = "/nodes/{node}";

/** Cloud-init: what is set, what waits, and the files that come of it. */
export const cloudInitEndpoints: Endpoints = {
  [`GET ${at}/qemu/{vmid}/cloudinit`]: endpoint(audit, {}, (call) => {
    const { config, pending, pendingDelete } = guestOf(call, "qemu");
    return Object.entries({ ...pending, ...config })
      .filter(([key]) => /^(ci\w+|sshkeys|nameserver|searchdomain)$/.test(key))
      .map(([key, value]) => ({
        key,
        value: key === "cipassword" ? "**********" : value,
        ...(pending[key] === undefined ? {} : { pending: key === "cipassword" ? "**********" : pending[key] }),
        ...(pendingDelete.has(key) ? { delete: 1 } : {}),
      }));
  }),
  [`PUT ${at}/qemu/{vmid}/cloudinit`]: endpoint(need("/vms/{vmid}", "VM.Config.Cloudinit"), {}, (call) => void guestOf(call, "qemu")),
  [`GET ${at}/qemu/{vmid}/cloudinit/dump`]: endpoint(audit, { type: must(oneOf("user", "network", "meta")) }, (call) =>
    cloudInitFile(call),
  ),
};
