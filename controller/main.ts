import { access, mkdir } from "node:fs/promises";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import type { EnrolTokenView } from "../schemas/api.ts";
import { error, ProblemError } from "../schemas/problem.ts";
import { backUp } from "./backup.ts";
import { createApi } from "./http/api.ts";
import { listen } from "./http/listen.ts";
import { allowedAgents } from "./hub/allowed-agents.ts";
import { fingerprint } from "./hub/ca.ts";
import { machineClock } from "./hub/clock.ts";
import { writeDurably } from "./hub/durable-file.ts";
import { createHub, type Hub } from "./hub/hub.ts";
import { enrolCommand } from "./hub/enrol-command.ts";
import { initKeys, keyFiles, loadKeys } from "./hub/keys.ts";
import { givenCertificate, ownCertificate } from "./hub/server-certificate.ts";
import { lookForReleases } from "./hub/look-for-releases.ts";
import { releasesIn } from "./hub/releases.ts";
import { startAgentServer } from "./hub/server.ts";
import { startIntent } from "./intent/start.ts";
import { kinds } from "./kinds/index.ts";
import type { Config } from "./config.ts";
import { fleetStateOf } from "./loop/fleet-state.ts";
import { gitWorkspace } from "./loop/git-workspace.ts";
import { agentsOf } from "./loop/hub-agents.ts";
import { createLoop, type Loop } from "./loop/loop.ts";
import type { Controller } from "./loop/controller.ts";
import { ageIdentity } from "./repo/identity.ts";
import { openRepository } from "./repo/open.ts";
import { openStore } from "./store/open.ts";
import type { Store } from "./store/store.ts";
import manifest from "./package.json" with { type: "json" };

/** A controller at work. */
export interface Running {
  readonly apiUrl: string;
  readonly agentsPort: number;
  /** A file with a token of the role admin, readable by the owner alone. */
  readonly tokenFile: string;
  readonly controller: Controller;
  /** For agents in this very process: the sandbox, tests and benchmarks. */
  readonly hub: Hub;
  stop(): Promise<void>;
}

/** File names below the data folder. */
export const dataFiles = {
  database: "controller.db",
  head: "controller.audit-head.json",
  keys: "keys",
  age: "age.key",
  token: "admin.token",
} as const;

/** Constructs everything, and starts it in the order in which it depends on one another; the composition root of the controller. */
export async function startController(config: Config): Promise<Running> {
  const opened: Opened = [];
  try {
    return await construct(config, opened);
  } catch (failure) {
    await closeAll(opened).catch(() => {});
    throw failure;
  }
}

/** What was opened, in this order; it is closed the other way round. */
type Opened = { close(): unknown }[];

/** One that cannot be closed keeps nothing before it open; its failure is told at the end. */
async function closeAll(opened: Opened): Promise<void> {
  const failures: unknown[] = [];
  for (let last = opened.pop(); last !== undefined; last = opened.pop()) {
    try {
      await last.close();
    } catch (failure) {
      failures.push(failure);
    }
  }
  if (failures.length > 0) throw failures[0];
}

async function construct(config: Config, opened: Opened): Promise<Running> {
  const log = pino({ level: config.logLevel, base: null }, pino.destination(2));
  const { settings } = config,
    signatures = { allowedSigners: settings.git.allowedSigners, signingKey: config.signingKey };
  const remote =
    settings.git.remote === undefined
      ? undefined
      : { ...signatures, remote: settings.git.remote, pullMs: settings.git.pullMs, push: settings.git.push };
  const limits = { perHost: settings.limits.stepsPerHost, overall: settings.limits.steps, hostPatienceMs: 900_000 };
  const now = Date.now,
    path = (name: string): string => join(config.dataDir, name);
  const { repository, warnings } = await openRepository(config.workspace, { branch: config.settings.git.branch });
  opened.push(repository);
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  const store = openStore(path(dataFiles.database), { events: settings.retention.events });
  opened.push(store);
  await keepIdentity(path(dataFiles.keys), store);
  await initKeys(path(dataFiles.keys), now());
  const keys = await loadKeys(path(dataFiles.keys), { jwtSecret: config.jwtSecret });
  const age = await ageIdentity(path(dataFiles.age));
  const certificate = config.tls === undefined ? ownCertificate(path(dataFiles.keys), namesOf(config)) : givenCertificate(config.tls);

  const releases = releasesIn(config.dist, keys.signing);
  await releases.refresh();
  let loop: Loop | undefined;
  const hub = await createHub({
    registry: store.agents,
    keys,
    clock: machineClock,
    log,
    allowed: allowedAgents(config.allowedAgents),
    limits: silenceLimits(settings.hub),
    events: {
      onReport: async (agent, report) => void (await loop?.onReport(agent.id, agent.host, report)),
      onResult: async (agent, { step, result, facts }) => void (await loop?.onResult(agent.host, step, result, facts)),
      onProgress: (agent, { step, text }) => loop?.onProgress(agent.host, step, text),
      onAgentState: (agent) => loop?.onAgentState(fleetStateOf(agent, releases)),
      onEvent: (event) => loop?.tell({ type: event.type, host: event.host, about: event.agent, text: event.text }),
    },
  });
  opened.push(hub);
  const workspace = gitWorkspace({
    repository,
    kinds,
    identity: age.identity,
    sealKey: keys.sealKey,
    signatures,
    remote,
    tell: (problem) => loop?.tell({ type: "workspace.problem", text: problem.summary, data: problem }),
    now,
  });
  const agents = agentsOf(hub, keys.controller, now);
  let agentsUrl = "";
  loop = createLoop({
    id: keys.controller,
    version: manifest.version,
    store,
    agents,
    workspace,
    limits,
    log,
    now,
    revokeAgent: async (host, by) => {
      const agent = hub.agents().find((one) => one.host === host || one.id === host);
      return agent !== undefined && hub.revoke(agent.id, by);
    },
    enrolToken: async (request, by): Promise<EnrolTokenView> => {
      const { host, tags = [], labels = {}, replace = false, uses = 1, expiresInMs = settings.hub.tokenExpiresMs } = request;
      const { token, record } = await hub.createToken({ ttlMs: expiresInMs, maxUses: uses, by, preset: { host, tags, labels, replace } });
      return {
        url: agentsUrl,
        token,
        ca: keys.ca,
        fingerprint: fingerprint(keys.ca),
        expiresAt: new Date(record.expiresAt).toISOString(),
        command: enrolCommand({ url: agentsUrl, ca: keys.ca, token }),
      };
    },
  });
  const { controller } = loop,
    running = loop;
  opened.push(workspace, { close: () => running.stop() });
  const tokenFile = path(dataFiles.token);
  await ensureToken(tokenFile, controller);
  for (const problem of [...warnings, ...age.warnings]) log.warn({ code: problem.code }, problem.summary);
  await loop.start(hub.agents().map((agent) => fleetStateOf(agent, releases)));
  opened.push(lookForReleases(releases, log, () => hub.agents().forEach((agent) => running.onAgentState(fleetStateOf(agent, releases)))));

  const server = await startAgentServer({
    hub,
    certificate,
    clock: machineClock,
    log,
    port: config.agentsPort,
    host: config.agentsHost,
    dist: config.dist,
    releases,
  });
  opened.push(server);
  agentsUrl = config.agentsUrl ?? `https://${settings.hub.names[0] ?? ownAddress()}:${server.port}`;
  const converse = await startIntent({
    controller,
    kinds,
    settings,
    apiKey: config.anthropicKey,
    baseURL: config.anthropicUrl,
    store,
    log,
    now,
  });
  const api = await createApi({
    controller,
    log,
    backUp: (folder) =>
      backUp(folder, {
        store,
        dataDir: config.dataDir,
        names: dataFiles,
        version: manifest.version,
        controller: keys.controller,
        workspace: async () => {
          const { commit } = await controller.status();
          return {
            folder: config.workspace,
            branch: settings.git.branch,
            ...(commit === "" ? {} : { commit }),
            ...(settings.git.remote === undefined ? {} : { remote: settings.git.remote }),
          };
        },
        now,
      }),
    converse,
    config: { version: manifest.version, requireAuth: config.requireAuth, hosts: settings.http.hosts, tls: undefined },
    installer: () => ({ redirect: `${agentsUrl}/install-agent.sh` }),
  });
  opened.push(api);
  const port = await listen(api, { host: config.host, port: config.port });
  return {
    apiUrl: `http://${config.host === "0.0.0.0" || config.host === "::" ? "127.0.0.1" : config.host}:${port}`,
    agentsPort: server.port,
    tokenFile,
    controller,
    hub,
    stop: () => closeAll(opened),
  };
}

/** How often agents are asked for a sign, and what follows on silence, so that the settings' times hold from the last sign on. */
function silenceLimits({ lateAfterMs, offlineAfterMs }: Config["settings"]["hub"]): { pingMs: number; lateMs: number; deadMs: number } {
  const pingMs = Math.max(250, Math.min(15_000, offlineAfterMs / 4));
  return { pingMs, lateMs: Math.max(pingMs / 3, lateAfterMs - pingMs), deadMs: Math.max(pingMs, offlineAfterMs - pingMs) };
}

/** New keys would lock every enrolled agent out: where the keys are gone and agents are there, a person has to bring them back. */
async function keepIdentity(folder: string, store: Store): Promise<void> {
  const there = await access(join(folder, keyFiles.id)).then(
    () => true,
    () => false,
  );
  if (there || (await store.agents.agents()).length === 0) return;
  throw new ProblemError(
    error("keys/missing", `Unable to start: the keys in ${folder} are gone, and agents are enrolled with them.`, {
      hint: "Put the folder back from a backup; without one, move the database away and enrol the agents again.",
    }),
  );
}

/** The owner's own token: made once, kept in a file of the data folder that only the owner can read. */
async function ensureToken(file: string, controller: Controller): Promise<void> {
  const exists = await access(file).then(
    () => true,
    () => false,
  );
  if (exists) return;
  const init = { name: "init", role: "admin" } as const;
  // Whoever has the file that is gone may not go on with it.
  for (const token of await controller.apiTokens())
    if (token.name === "owner" && token.createdBy === init.name && token.revokedAt === undefined)
      await controller.revokeApiToken(token.id, init);
  const { secret } = await controller.createApiToken("owner", "admin", undefined, init);
  await writeDurably(file, `${secret}\n`);
}

/** Names and addresses that the agents' certificate is for: what the settings say, and this machine's own. */
function namesOf(config: Config): string[] {
  const own = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((one) => !one.address.startsWith("fe80:"))
    .map((one) => one.address);
  return [...new Set([...config.settings.hub.names, hostname(), "localhost", ...own])];
}

/** The first address of this machine that others can reach; loopback where there is none. */
function ownAddress(): string {
  const found = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .find((one) => !one.internal && one.family === "IPv4");
  return found?.address ?? "127.0.0.1";
}
