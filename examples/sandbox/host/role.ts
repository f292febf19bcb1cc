import type { SystemName } from "./system.ts";

/** How busy a host is: middle and swing in per cent, a share of its memory and root disk in use. */
export interface Load {
  readonly cpu: number;
  readonly swing: number;
  readonly memory: number;
  readonly disk: number;
}

/** What a host is for: the software on it beside the base, what it is tagged with, its size and load. */
export interface Role {
  readonly name: string;
  readonly software: readonly string[];
  readonly systems: readonly SystemName[];
  readonly virtualization: "kvm" | "lxc" | "none";
  readonly cpus: number;
  readonly memoryGiB: number;
  readonly diskGiB: number;
  readonly load: Load;
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

const role = (name: string, software: readonly string[], more: Partial<Role>): Role => ({
  name,
  software,
  systems: ["debian-12", "ubuntu-22.04", "ubuntu-24.04"],
  virtualization: "kvm",
  cpus: 2,
  memoryGiB: 4,
  diskGiB: 40,
  load: { cpu: 15, swing: 20, memory: 40, disk: 35 },
  tags: [],
  labels: {},
  ...more,
});

/** Every role of the pretend fleet. `php-fpm` stands for the version of the system. */
export const roles = {
  web: role("web", ["nginx", "prometheus-node-exporter"], { tags: ["production", "web", "webserver"], labels: { team: "web" } }),
  app: role("app", ["php-fpm", "shop-app", "payment-service"], {
    systems: ["ubuntu-22.04", "ubuntu-24.04"],
    cpus: 4,
    memoryGiB: 8,
    load: { cpu: 45, swing: 40, memory: 65, disk: 48 },
    tags: ["app", "production"],
    labels: { team: "shop" },
  }),
  db: role("db", ["mariadb-server", "prometheus-node-exporter"], {
    systems: ["debian-12"],
    cpus: 8,
    memoryGiB: 32,
    diskGiB: 500,
    load: { cpu: 35, swing: 25, memory: 78, disk: 66 },
    tags: ["critical", "database", "production"],
    labels: { team: "data" },
  }),
  cache: role("cache", ["redis"], {
    systems: ["alpine-3.20"],
    virtualization: "lxc",
    memoryGiB: 8,
    diskGiB: 20,
    load: { cpu: 10, swing: 15, memory: 70, disk: 20 },
    tags: ["cache", "production"],
    labels: { team: "data" },
  }),
  lb: role("lb", ["haproxy"], {
    systems: ["debian-12"],
    virtualization: "none",
    load: { cpu: 12, swing: 15, memory: 25, disk: 22 },
    tags: ["edge", "production"],
    labels: { team: "web" },
  }),
  api: role("api", ["api-server"], {
    systems: ["ubuntu-24.04"],
    cpus: 4,
    load: { cpu: 55, swing: 30, memory: 60, disk: 41 },
    tags: ["api", "production"],
    labels: { team: "shop" },
  }),
  download: role("download", ["download-server", "nginx"], {
    systems: ["debian-12"],
    diskGiB: 2000,
    load: { cpu: 80, swing: 18, memory: 55, disk: 94 },
    tags: ["download", "production"],
    labels: { team: "web" },
  }),
  dev: role("dev", ["apache2", "git"], {
    systems: ["ubuntu-24.04"],
    virtualization: "lxc",
    load: { cpu: 5, swing: 10, memory: 30, disk: 55 },
    tags: ["development"],
    labels: { team: "shop" },
  }),
  backup: role("backup", ["backup-server"], {
    systems: ["debian-12"],
    diskGiB: 4000,
    load: { cpu: 5, swing: 8, memory: 20, disk: 71 },
    tags: ["backup"],
    labels: { team: "data" },
  }),
} as const;
export type RoleName = keyof typeof roles;
