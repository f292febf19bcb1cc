import { type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import type {
  DriftView,
  EnrolTokenRequest,
  EnrolTokenView,
  EventView,
  HostSummary,
  InstanceView,
  ResourceView,
  StatusView,
} from "../../schemas/api.ts";
import type { Plan } from "../../schemas/plan.ts";
import type { RunEvent, RunView } from "../../schemas/run.ts";
import { down, gateway, type Host, netSpawn, up } from "../lab/lab.ts";
import { type Arrived, followEvents } from "./follow-events.ts";
import { request } from "./request.ts";
import { makeWorkspace, type TestWorkspace } from "./workspace.ts";

const root = resolve(import.meta.dirname, "../..");
const apiPort = 3000;

export interface RunSummary {
  readonly id: string;
  readonly digest: string;
  readonly state: string;
  readonly by: string;
}

/** Real hosts, a real controller process on their network, and a workspace in git. */
export interface Stage {
  readonly hosts: readonly Host[];
  readonly workspace: TestWorkspace;
  /** The controller's data folder. */
  readonly data: string;
  readonly api: <T>(method: string, path: string, body?: unknown) => Promise<T>;
  /** Commits files by git, and returns the commit. */
  commit(files: Readonly<Record<string, string | null>>): Promise<string>;
  /** Waits until the commit is in force, nothing runs or waits, and every instance is in sync. */
  untilInSync(commit?: string, ms?: number): Promise<StatusView>;
  status(): Promise<StatusView>;
  host(name: string): Promise<HostSummary>;
  instance(id: string): Promise<InstanceView>;
  instances(): Promise<InstanceView[]>;
  /** A fresh plan of everything that differs. */
  plan(): Promise<Plan>;
  /** The digest of a plan that waits for approval; waits for one to come. */
  pending(other?: string): Promise<string>;
  approve(digest: string): Promise<{ readonly run?: string; readonly waiting?: string }>;
  runs(): Promise<readonly RunSummary[]>;
  run(id: string): Promise<RunView>;
  journal(id: string): Promise<readonly RunEvent[]>;
  /** Waits until the run is over. */
  untilEnded(id: string): Promise<RunView>;
  lastEvent(): Promise<number>;
  events(after: number, type?: string): Promise<readonly EventView[]>;
  /** Waits for an event after `after` for which this holds. */
  untilEvent(after: number, wanted: (event: EventView) => boolean): Promise<EventView>;
  /** Tells each event as it comes, until what it resolves with is called. */
  followEvents(onEvent: (arrived: Arrived) => void): Promise<() => void>;
  drift(open?: boolean): Promise<readonly DriftView[]>;
  enrolCommand(request?: EnrolTokenRequest): Promise<string>;
  /** Installs the agent on a host by the command that the controller gives, and waits until it is connected. */
  install(host: Host, request?: EnrolTokenRequest): Promise<void>;
  /** Kills the controller. */
  killController(signal?: NodeJS.Signals): Promise<void>;
  startController(): Promise<void>;
  /** What the controller logged so far. */
  log(): string;
  close(): Promise<void>;
}

/** Polls until the answer is defined; rejects with what `otherwise` says after `ms`. A controller that is down counts as no answer. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  { ms = 60_000, otherwise = async (): Promise<unknown> => "" } = {},
): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const answer = await ask().catch((failure: unknown) => {
      if (isConnection(failure)) return undefined;
      throw failure;
    });
    if (answer !== undefined) return answer;
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what} ${JSON.stringify(await otherwise().catch(String))}`);
    await new Promise((wake) => setTimeout(wake, 20));
  }
}

const isConnection = (failure: unknown): boolean =>
  ["ECONNREFUSED", "ECONNRESET", "EPIPE"].includes((failure as NodeJS.ErrnoException).code ?? "") ||
  (failure as Error).message === "socket hang up";

/** Prints a measurement as a line of JSON. */
export const measured = (what: string, ms: number | readonly number[]): void =>
  void process.stdout.write(`${JSON.stringify({ measured: what, ms })}\n`);

/** Boots hosts, starts a controller beside them and, unless told otherwise, installs the agent on all of them. Nothing is left where that fails or is given up by the signal. */
export async function startStage({
  hosts: count,
  install = true,
  settings = "",
  tags = {},
  os,
  signal,
}: {
  hosts: number;
  os?: "systemd" | "openrc";
  install?: boolean;
  settings?: string;
  tags?: Record<string, string[]>;
  signal?: AbortSignal;
}): Promise<Stage> {
  if (!existsSync(join(root, "dist/agent-linux-x64"))) throw new Error("The agent was not built yet: npm run build:agent");
  await down(); // what a broken-off run has left
  signal?.throwIfAborted();
  const hosts = await up(count, os === undefined ? {} : { os }).catch(async (failure: unknown) => {
    await down();
    throw failure;
  });
  const address = await gateway();
  const folder = await mkdtemp(join(tmpdir(), "stage-")),
    socket = join(folder, "api.sock"),
    data = join(folder, "data");
  const workspace = await makeWorkspace(join(folder, "workspace"));
  await workspace.commit({ "backend-ai.yaml": settings === "" ? "{}\n" : settings });
  // The API stays on the loopback of the lab; a file reaches where no route does.
  const relay = netSpawn(["socat", `UNIX-LISTEN:${socket},fork,backlog=128`, `TCP:127.0.0.1:${apiPort}`], { stdio: "ignore" });
  const env = {
    ...process.env,
    PORT: String(apiPort),
    WS_PORT: "3001",
    WS_URL: `https://${address}:3001`,
    BACKEND_AI_DATA: data,
    LOG_LEVEL: "info",
  };
  let child: ChildProcess | undefined,
    token = "",
    log = "",
    known: string | undefined,
    died: string | undefined;

  const api: Stage["api"] = (method, path, body) => {
    if (died !== undefined) throw new Error(died);
    return request(socket, token, method, path, body);
  };
  const items = async <T>(path: string): Promise<T[]> => (await api<{ items: T[] }>("GET", path)).items;
  const stage: Stage = {
    hosts,
    workspace,
    data,
    api,
    commit: (files) => workspace.commit(files).then((commit) => (known = commit)),
    async untilInSync(commit = known, ms = 60_000) {
      const quiet = ({ instances: of, ...now }: StatusView): boolean =>
        of.differs + of.drifted + of.blocked + of.unknown === 0 && now.running.length === 0 && now.pendingPlan === null;
      return until(
        "in sync",
        async () => {
          const now = await stage.status();
          return (commit === undefined || now.commit === commit) && quiet(now) ? now : undefined;
        },
        {
          ms,
          otherwise: async () => ({
            status: await stage.status(),
            last: await Promise.all((await stage.runs()).slice(0, 2).map(({ id }) => stage.run(id))),
            open: (await stage.instances()).filter((one) => one.state !== "in-sync"),
          }),
        },
      );
    },
    status: () => api("GET", "/api/v1/status"),
    host: (name) => api("GET", `/api/v1/hosts/${name}`),
    instance: (id) => api("GET", `/api/v1/instances/${encodeURIComponent(id)}`),
    instances: async () => (await items<ResourceView>("/api/v1/manifests?limit=1000")).flatMap((one) => one.instances),
    plan: () => api("POST", "/api/v1/plans", {}),
    pending: (other) =>
      until(
        "a plan that waits",
        async () => {
          const digest = (await stage.status()).pendingPlan;
          return digest === null || digest === other ? undefined : digest;
        },
        { otherwise: () => stage.status() },
      ),
    approve: (digest) => api("POST", `/api/v1/plans/${digest}/approve`, {}),
    runs: () => items("/api/v1/runs?limit=100"),
    run: (id) => api("GET", `/api/v1/runs/${id}`),
    journal: async (id) => (await api<{ events: RunEvent[] }>("GET", `/api/v1/runs/${id}/events`)).events,
    untilEnded: (id) =>
      until(
        `end of ${id}`,
        async () => {
          const run = await stage.run(id);
          return run.endedAt === undefined ? undefined : run;
        },
        { ms: 120_000, otherwise: () => stage.run(id) },
      ),
    lastEvent: async () => (await api<{ last: number }>("GET", "/api/v1/events?last=1")).last,
    async events(after, type) {
      const { events } = await api<{ events: EventView[] }>("GET", `/api/v1/events?after=${after}&limit=1000`);
      return type === undefined ? events : events.filter((event) => event.type === type);
    },
    untilEvent: (after, wanted) =>
      until("an event", async () => (await stage.events(after)).find(wanted), {
        otherwise: async () => (await stage.events(after)).map(({ type, text }) => `${type} ${text}`),
      }),
    followEvents: (onEvent) => followEvents(socket, token, onEvent),
    drift: async (open = true) => items(`/api/v1/drift?open=${open}&limit=100`),
    enrolCommand: async (wish = {}) => (await api<EnrolTokenView>("POST", "/api/v1/enrol-tokens", wish)).command,
    async install(host, wish = {}) {
      await host.exec("sh", "-c", await stage.enrolCommand({ tags: tags[host.name] ?? [], ...wish }));
      await until(`${host.name} online`, async () =>
        (await stage.api<{ items: HostSummary[] }>("GET", "/api/v1/hosts")).items.find(
          (one) => one.name === host.name && one.online && one.facts !== undefined,
        ),
      );
    },
    async killController(signal = "SIGKILL") {
      const ending = child;
      child = undefined;
      if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
      const over = once(ending, "exit");
      ending.kill(signal);
      await over;
    },
    async startController() {
      const started = netSpawn([process.execPath, join(import.meta.dirname, "controller.ts"), workspace.folder], {
        env,
        stdio: ["ignore", "pipe", "pipe"],
      });
      child = started;
      died = undefined;
      started.once("exit", (code, signal) => {
        if (child === started) died = `the controller ended by itself (${code ?? signal}): ${log.slice(-4000)}`;
      });
      started.stderr?.setEncoding("utf8").on("data", (text: string) => (log += text));
      if (started.stdout === null) throw new Error("no output to read");
      const [line] = (await Promise.race([once(createInterface(started.stdout), "line"), once(started, "exit").then(() => [""])])) as [
        string,
      ];
      if (line === "") throw new Error(`the controller did not start: ${log.slice(-2000)}`);
      token = (await readFile((JSON.parse(line) as { tokenFile: string }).tokenFile, "utf8")).trim();
    },
    log: () => log,
    async close() {
      await stage.killController("SIGTERM");
      relay.kill();
      await down();
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await until("the relay", async () => (existsSync(socket) ? true : undefined));
    await stage.startController();
    signal?.throwIfAborted();
    if (install) await Promise.all(hosts.map((host) => stage.install(host)));
    signal?.throwIfAborted();
  } catch (failure) {
    await stage.close();
    throw failure;
  }
  return stage;
}
