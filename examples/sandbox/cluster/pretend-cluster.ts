import { fingerprint, issueServer, makeAuthority, newCertificateKey } from "../../../controller/hub/ca.ts";
import { api, slots, type Slots, workersPerNode } from "./api.ts";
import { auth } from "./auth.ts";
import { type Faults, faults } from "./break.ts";
import { chance } from "./chance.ts";
import { troubles } from "./faults.ts";
import { observed } from "./guests/figures.ts";
import { lookAfter } from "./ha-manager.ts";
import { fileLocks } from "./locks.ts";
import { builtInRoles } from "./permissions.ts";
import { seed } from "./seed.ts";
import { type NodeServer, serveNode } from "./server.ts";
import type { Pace, State } from "./state.ts";
import { endpointTable } from "./table.ts";
import { tasks } from "./tasks.ts";
import { fastTime, type Time } from "./time.ts";

/** How the pretend cluster is wanted; everything may be left out. */
export interface PretendClusterOptions {
  readonly name?: string | undefined;
  readonly nodes?: number | undefined;
  readonly guests?: number | undefined;
  /** Names, addresses, sizes and secrets follow from it. */
  readonly seed?: number | undefined;
  /** Of Proxmox VE. */
  readonly version?: 8 | 9 | undefined;
  /** So many times as fast as a real one; 1 where not given. */
  readonly speed?: number | undefined;
  readonly time?: Time | undefined;
  readonly pace?: Partial<Pace> | undefined;
  /** Fills it instead of the guests that it has otherwise. */
  readonly fill?: ((state: State) => void) | undefined;
  /** The first of the ports, one a node; any free ones where not given. */
  readonly port?: number | undefined;
}

/** Who may log in: an API token with all rights, one that may only look, and root's own password. */
export interface PretendCredentials {
  readonly full: { readonly token: string; readonly secret: string };
  readonly audit: { readonly token: string; readonly secret: string };
  /** May start and stop the guests of the pool `dev`, and nothing else. */
  readonly limited: { readonly token: string; readonly secret: string };
  readonly root: { readonly user: string; readonly password: string };
}

/** A cluster that behaves as Proxmox VE does, as far as its API shows. */
export interface PretendCluster {
  readonly endpoints: readonly { readonly node: string; readonly host: string; readonly port: number; readonly fingerprint: string }[];
  readonly credentials: PretendCredentials;
  readonly faults: Faults;
  readonly state: State;
  close(): Promise<void>;
}

/** As measured on a real cluster, in milliseconds and bytes a second. */
export const realPace: Pace = {
  stale: 10_000,
  staleConfig: 800,
  lockWait: 10_000,
  refusal: 3000,
  offline: 30_000,
  agentWait: 3000,
  boot: 20_000,
  ha: 10_000,
  forget: 300_000,
  reboot: 120_000,
  fence: 60_000,
  quorumWait: 9000,
  copy: 120 * 1024 ** 2,
  task: 1200,
  fork: 60,
};

const versions = {
  8: { version: "8.4.21", release: "8.4", repoid: "2606ac85" },
  9: { version: "9.2.11", release: "9.2", repoid: "5f5a3b0c" },
} as const;
/** Looking more often than this, in real time, costs more than it shows. */
const leastMs = 50;

/** Makes the cluster and serves each node over TLS on a port of its own. */
export async function createPretendCluster(options: PretendClusterOptions = {}): Promise<PretendCluster> {
  const { speed = 1, version = 8 } = options,
    time = options.time ?? fastTime(speed),
    state = emptyState(options, time, version);
  const credentials = users(state);
  if (options.fill === undefined) seed(state, { nodes: options.nodes ?? 3, guests: options.guests ?? 40 });
  else options.fill(state);

  const login = auth(state),
    trouble = troubles(),
    perNode = new Map<string, Slots>();
  const workers = (node: string): Slots => {
    let mine = perNode.get(node);
    if (mine === undefined) perNode.set(node, (mine = slots(workersPerNode)));
    return mine;
  };
  const answer = api(state, login, endpointTable(login), workers);
  const authority = await makeAuthority(await newCertificateKey(), state.name, Date.now()),
    servers: NodeServer[] = [],
    endpoints: PretendCluster["endpoints"][number][] = [];
  for (const node of state.nodes.values()) {
    const certificate = await issueServer(authority, [node.name, "localhost", "127.0.0.1"], Date.now());
    const shown = fingerprint(certificate.cert).toUpperCase().match(/../g)!.join(":");
    Object.assign(node, { fingerprint: shown });
    const port = options.port === undefined ? 0 : options.port + servers.length;
    const server = await serveNode({ state, api: answer, troubles: trouble, node, port }, certificate);
    servers.push(server);
    endpoints.push({ node: node.name, host: "127.0.0.1", port: server.port, fingerprint: shown });
  }

  const cancel = new Set<() => void>();
  let closed = false;
  const every = (ms: number, run: () => void): void => {
    let stop = (): void => undefined;
    const again = (): void => {
      cancel.delete(stop);
      if (closed) return;
      stop = time.after(Math.max(ms, options.time === undefined ? leastMs * speed : 0), () => {
        run();
        again();
      });
      cancel.add(stop);
    };
    again();
  };
  every(state.pace.stale, () => broadcast(state));
  every(state.pace.ha, () => lookAfter(state));

  return {
    endpoints,
    credentials,
    faults: faults(state, trouble, workers),
    state,
    async close() {
      closed = true;
      for (const stop of cancel) stop();
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}

/** What pvestatd does: tells everybody how the guests of its node are. */
function broadcast(state: State): void {
  for (const guest of state.guests.values()) if (state.nodes.get(guest.node)?.online === true) guest.seen = observed(state, guest);
}

function emptyState(options: PretendClusterOptions, time: Time, version: 8 | 9): State {
  const locks = fileLocks(time);
  const pace: Pace = { ...realPace, ...options.pace };
  const state: State = {
    name: options.name ?? "pretend",
    version: versions[version],
    major: version,
    time,
    chance: chance(options.seed ?? 1),
    pace,
    nodes: new Map(),
    guests: new Map(),
    storages: new Map(),
    volumes: new Map(),
    pools: new Map(),
    users: new Map(),
    roles: builtInRoles(version),
    acl: [],
    ha: { resources: new Map(), groups: new Map(), rules: new Map() },
    jobs: new Map(),
    options: { description: "" },
    tasks: tasks(time, locks, pace.fork),
    locks,
    quorate: true,
    changed(guest) {
      time.after(state.pace.staleConfig, () => (guest.shown = { node: guest.node, tags: guest.config["tags"] }));
    },
  };
  return state;
}

function users(state: State): PretendCredentials {
  const secret = (): string => state.chance.uuid(),
    password = `pretend-${state.chance.hex(12)}`;
  const [full, audit, limited] = [secret(), secret(), secret()] as const;
  state.users.set("root@pam", {
    id: "root@pam",
    password,
    enable: 1,
    expire: 0,
    comment: undefined,
    tokens: new Map([
      ["full", { secret: full, privsep: 0, comment: undefined, expire: 0 }],
      ["audit", { secret: audit, privsep: 1, comment: "may only look", expire: 0 }],
    ]),
  });
  state.users.set("ops@pve", {
    id: "ops@pve",
    password: undefined,
    enable: 1,
    expire: 0,
    comment: "operates the pool dev",
    tokens: new Map([["limited", { secret: limited, privsep: 0, comment: undefined, expire: 0 }]]),
  });
  state.acl.push(
    { path: "/", type: "token", ugid: "root@pam!audit", roleid: "PVEAuditor", propagate: 1 },
    { path: "/pool/dev", type: "user", ugid: "ops@pve", roleid: "PVEVMUser", propagate: 1 },
  );
  return {
    full: { token: "root@pam!full", secret: full },
    audit: { token: "root@pam!audit", secret: audit },
    limited: { token: "ops@pve!limited", secret: limited },
    root: { user: "root@pam", password },
  };
}
