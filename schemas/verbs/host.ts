import Type, { type Static } from "typebox";
import { defineProbe } from "../contract.ts";
import { Moment } from "../moment.ts";

const nothing = Type.Object({}, { additionalProperties: false });

/** What a host is: changes seldom. Sizes in bytes, times in milliseconds since the epoch by the host's clock. */
export const HostFact = Type.Object({
  hostname: Type.String(),
  os: Type.Object({ id: Type.String(), version: Type.String(), name: Type.String() }),
  kernel: Type.String(),
  arch: Type.String(),
  init: Type.Union([Type.Literal("systemd"), Type.Literal("openrc"), Type.Literal("other")]),
  virtualization: Type.String({ description: "none, kvm, lxc, docker …" }),
  bootId: Type.String(),
  bootedAt: Moment,
  addresses: Type.Array(Type.String(), { description: "IP addresses but loopback and link-local, sorted" }),
  cpus: Type.Integer(),
  memory: Type.Integer(),
  disks: Type.Array(Type.Object({ mount: Type.String(), size: Type.Integer() })),
  rebootRequired: Type.Optional(Type.Boolean()),
  shuttingDown: Type.Optional(Type.Boolean()),
});
export type HostFact = Static<typeof HostFact>;

export const hostProbe = defineProbe({ name: "host", input: nothing, output: HostFact, watchable: true });

/** How busy a host is, in whole per cent where not said otherwise; reported when a figure moved by enough to matter. */
export const MetricsFact = Type.Object({
  cpu: Type.Number(),
  memory: Type.Number(),
  swap: Type.Number(),
  load: Type.Number({ description: "One-minute load average" }),
  disks: Type.Array(Type.Object({ mount: Type.String(), used: Type.Number() })),
  network: Type.Object(
    { receivedPerSecond: Type.Number(), sentPerSecond: Type.Number() },
    { description: "Bytes a second, all but loopback" },
  ),
});
export type MetricsFact = Static<typeof MetricsFact>;

export const metricsProbe = defineProbe({ name: "metrics", input: nothing, output: MetricsFact, watchable: true });

/** Interfaces and what listens on which port. */
export const NetworkFact = Type.Object({
  interfaces: Type.Array(Type.Object({ name: Type.String(), addresses: Type.Array(Type.String()), up: Type.Boolean() })),
  listeners: Type.Array(
    Type.Object({
      protocol: Type.Union([Type.Literal("tcp"), Type.Literal("udp")]),
      address: Type.String(),
      port: Type.Integer(),
      program: Type.Optional(Type.String()),
    }),
  ),
});
export type NetworkFact = Static<typeof NetworkFact>;

export const networkProbe = defineProbe({ name: "network", input: nothing, output: NetworkFact, watchable: false });

/** Something on this host that we set, from the agent's own memory. `claim`: `file:/path`, `unit:NAME` or `package:NAME`. */
export const Owned = Type.Object({
  claim: Type.String(),
  resource: Type.String({ description: "Kind/name that last set it" }),
  at: Moment,
  created: Type.Boolean({ description: "It was not there before us" }),
  sha256: Type.Optional(Type.String({ description: "Digest of a file as we left it" })),
});
export type Owned = Static<typeof Owned>;

export const ownedProbe = defineProbe({
  name: "owned",
  input: nothing,
  output: Type.Object({ owned: Type.Array(Owned) }),
  watchable: true,
});
