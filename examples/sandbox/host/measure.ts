import type { HostFact, MetricsFact, NetworkFact } from "../../../schemas/verbs/host.ts";
import type { PretendHost } from "../pretend-host.ts";
import { hash, uuid, wave } from "./random.ts";
import { stateOf, unitsOf } from "./units.ts";

const gib = 1024 ** 3;
const minute = 60_000,
  hour = 60 * minute;

/** An address of 10.0.0.0/8 that follows from the host's seed. */
export const addressOf = (host: PretendHost): string =>
  `10.${20 + (host.seed % 40)}.${(host.seed >>> 8) % 256}.${1 + ((host.seed >>> 16) % 254)}`;

/** What the host is. */
export function readHost(host: PretendHost): HostFact {
  const { system, role } = host.image;
  return {
    hostname: host.name,
    os: system.os,
    kernel: system.kernel,
    arch: "x86_64",
    init: system.init,
    virtualization: role.virtualization,
    bootId: uuid(host.seed, "boot", host.boots),
    bootedAt: host.bootedAt,
    addresses: [addressOf(host)],
    cpus: role.cpus,
    memory: role.memoryGiB * gib,
    disks: disksOf(host).map(([mount, size]) => ({ mount, size: size * gib })),
    ...(host.rebootRequired ? { rebootRequired: true } : {}),
    ...(host.shuttingDown ? { shuttingDown: true } : {}),
  };
}

/** Mount points with their size in GiB; large machines have their data on a disk of its own. */
function disksOf(host: PretendHost): [string, number][] {
  const { diskGiB } = host.image.role;
  return diskGiB > 200
    ? [
        ["/", 40],
        ["/srv", diskGiB],
      ]
    : [["/", diskGiB]];
}

/** How busy the host is now: the load of its role, moving like that of a real machine, a third of it without its services. */
export function readMetrics(host: PretendHost): MetricsFact {
  const load = { ...host.image.role.load, ...host.load },
    now = host.clock.now(),
    { seed } = host;
  const own = unitsOf(host).filter((unit) => unit.ports.some(({ port }) => port !== 22));
  const busy = own.length === 0 || own.some((unit) => stateOf(host, unit).active === "active") ? 1 : 0.3;
  const swung = (what: string, middle: number, swing: number, period: number) =>
    percent(middle + swing * (wave(seed, what, now, period) - 0.5));
  const cpu = swung("cpu", load.cpu * busy, load.swing * busy, 3 * minute);
  const rate = (what: string) => Math.round(20_000 * cpu * (0.5 + wave(seed, what, now, 2 * minute)));
  return {
    cpu,
    memory: swung("memory", load.memory * (0.4 + 0.6 * busy), 6, hour),
    swap: swung("swap", load.memory > 70 ? 12 : 0, load.memory > 70 ? 6 : 0, hour),
    load: Math.round(cpu * host.image.role.cpus * (0.9 + 0.3 * wave(seed, "load", now, 5 * minute))) / 100,
    disks: disksOf(host).map(([mount], at, all) => ({ mount, used: swung(mount, at === all.length - 1 ? load.disk : 30, 2, 24 * hour) })),
    network: { receivedPerSecond: rate("in"), sentPerSecond: rate("out") },
  };
}

const percent = (value: number): number => Math.round(Math.min(100, Math.max(0, value)));

/** Interfaces and what running units listen on. */
export function readNetwork(host: PretendHost): NetworkFact {
  const listeners = unitsOf(host).flatMap((unit) => (stateOf(host, unit).active === "active" ? unit.ports : []));
  return {
    interfaces: [
      { name: "eth0", addresses: [addressOf(host)], up: host.link.is === "up" },
      { name: "lo", addresses: ["127.0.0.1"], up: true },
    ],
    listeners: listeners
      .map(({ address, port, program }) => ({ protocol: "tcp" as const, address, port, program }))
      .toSorted((a, b) => a.port - b.port),
  };
}

/** Fills the # of a text with digits that follow from the seed. */
export const filled = (text: string, ...seed: readonly (string | number)[]): string => {
  let at = 0;
  return text.replace(/#/g, () => String(hash(at++, ...seed) % 10));
};
