import type { HostSummary } from "../../schemas/api.ts";
import type { HostFact, MetricsFact } from "../../schemas/verbs/host.ts";
import { type KnownHost, type KnownUnit, selectorHostOf } from "./known.ts";

/** A host of a pretend inventory, in one line. `units`: `nginx` is active, `-nginx` inactive, `!nginx` failed. */
export interface PretendHost {
  readonly name: string;
  readonly tags?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly aliases?: readonly string[];
  readonly os?: string;
  readonly virtualization?: string;
  readonly units?: string;
  readonly cpu?: number;
  readonly mem?: number;
  readonly disk?: number;
  readonly offline?: true;
}

/** The fleet that the cases speak of: web, database, app, download and payment hosts. */
export const fleet: readonly PretendHost[] = [
  { name: "web-01", tags: ["webserver", "production"], os: "ubuntu 22.04", units: "nginx php8.2-fpm ssh", cpu: 91, mem: 60, disk: 55 },
  { name: "web-02", tags: ["webserver", "production"], os: "ubuntu 22.04", units: "nginx php8.2-fpm ssh", cpu: 20, mem: 40, disk: 97 },
  { name: "web-03", tags: ["webserver", "staging"], os: "ubuntu 24.04", units: "nginx php8.3-fpm ssh", cpu: 5, mem: 35, disk: 30 },
  { name: "database-server", tags: ["database", "production"], os: "debian 12", units: "mysql ssh", cpu: 85, mem: 88, disk: 60 },
  { name: "db-01", tags: ["database"], os: "debian 12", units: "postgresql ssh", cpu: 30, mem: 50, disk: 81 },
  { name: "db-02", tags: ["database"], os: "debian 12", units: "postgresql ssh", cpu: 10, mem: 50, disk: 20 },
  { name: "app-01", tags: ["app", "production"], os: "debian 12", units: "app php8.2-fpm ssh", cpu: 95, mem: 70, disk: 40 },
  { name: "app-02", tags: ["app", "production"], os: "debian 12", units: "app php8.2-fpm ssh", cpu: 15, mem: 70, disk: 40 },
  { name: "dev-01", tags: ["development"], os: "debian 12", units: "apache2 ssh", cpu: 3, mem: 20, disk: 12 },
  { name: "dev-02", tags: ["development"], os: "rocky 9.4", units: "httpd sshd", cpu: 4, mem: 20, disk: 12 },
  {
    name: "download-01",
    tags: ["download"],
    labels: { role: "download" },
    os: "debian 12",
    units: "!downloadd ssh",
    cpu: 2,
    mem: 10,
    disk: 99,
  },
  { name: "api-01", aliases: ["api-server"], tags: ["api"], os: "ubuntu 22.04", units: "api-gateway ssh", cpu: 12, mem: 30, disk: 33 },
  {
    name: "pay-01",
    tags: ["payments", "production"],
    os: "ubuntu 22.04",
    units: "payment ssh",
    cpu: 12,
    mem: 30,
    disk: 33,
    virtualization: "lxc",
  },
  { name: "web-server", tags: ["legacy"], os: "debian 11", units: "-nginx ssh", cpu: 1, mem: 5, disk: 5 },
  { name: "backup-server", tags: ["infra"], os: "debian 12", units: "ssh" },
  { name: "primary-server", tags: ["infra"], os: "debian 12", units: "ssh" },
  { name: "old-01", tags: ["legacy"], os: "debian 11", offline: true },
];

const states: Readonly<Record<string, string>> = { "-": "inactive", "!": "failed" };

/** The units of a pretend host. */
export const unitsOf = (host: PretendHost): readonly KnownUnit[] =>
  (host.units ?? "")
    .split(" ")
    .filter(Boolean)
    .map((word) => ({ unit: `${word.replace(/^[-!]/, "")}.service`, active: states[word[0] ?? ""] ?? "active", enabled: "enabled" }));

export function summaryOf(host: PretendHost): HostSummary {
  const [id = "debian", version = "12"] = (host.os ?? "debian 12").split(" ");
  const facts: HostFact = {
    hostname: host.name,
    os: { id, version, name: `${id} ${version}` },
    kernel: "6.1",
    arch: "x86_64",
    init: "systemd",
    virtualization: host.virtualization ?? "kvm",
    bootId: `boot-${host.name}`,
    bootedAt: 0,
    addresses: ["192.0.2.1"],
    cpus: 2,
    memory: 2 ** 31,
    disks: [{ mount: "/", size: 2 ** 34 }],
  };
  const metrics: MetricsFact = {
    cpu: host.cpu ?? 0,
    memory: host.mem ?? 0,
    swap: 0,
    load: 0.1,
    disks: [{ mount: "/", used: host.disk ?? 0 }],
    network: { receivedPerSecond: 0, sentPerSecond: 0 },
  };
  return {
    name: host.name,
    online: host.offline !== true,
    state: host.offline === true ? "offline" : "online",
    agent: `agent-${host.name}`,
    version: "0.1.0",
    tags: [...(host.tags ?? [])],
    labels: { ...host.labels },
    aliases: [...(host.aliases ?? [])],
    os: `${id} ${version}`,
    instances: { inSync: 0, open: 0 },
    facts,
    ...(host.offline === true ? {} : { metrics }),
  };
}

/** The same as sentences see it. */
export function knownHost(host: PretendHost): KnownHost {
  const summary = summaryOf(host),
    units = host.offline === true ? undefined : unitsOf(host);
  return { name: host.name, online: summary.online, summary, as: selectorHostOf(summary, units), units };
}
