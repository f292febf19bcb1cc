import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { type Answered, difference } from "./agrees.fixture.ts";
import { createPretendCluster, type PretendCluster } from "./pretend-cluster.ts";
import type { State } from "./state.ts";
import { type ManualTime, manualTime, settled } from "./time.ts";

/** One recorded exchange, as the recordings have it. */
export interface Exchange {
  readonly scenario: string;
  readonly seq: number;
  readonly t_ms: number;
  readonly ms: number;
  readonly note?: string;
  readonly via: string;
  readonly poll?: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly query: string;
    readonly headers: Readonly<Record<string, string | number>>;
    readonly body: string | null;
    /** Only the first characters of the body are kept; this many bytes were sent, the last character over and over. */
    readonly body_bytes?: number;
  };
  readonly response: { readonly status?: number; readonly statusText?: string; readonly body?: unknown; readonly error?: string };
}

/** A scenario: what is there before its first request, and what happened beside the requests. */
export interface Scenario {
  readonly file: string;
  readonly fill: (state: State) => void;
  /** Requests that the recorder made and left out, by the exchange before which they come. */
  readonly left?: Readonly<Record<number, (play: Play) => Promise<void>>> | undefined;
}

/** What a scenario's own steps may do. */
export interface Play {
  readonly cluster: PretendCluster;
  readonly time: ManualTime;
  /** Sends a request of root's; answers its data. */
  readonly ask: (method: string, path: string, body?: string) => Promise<unknown>;
  /** Ours for a recorded UPID. */
  readonly bind: (recorded: string, ours: string) => void;
  readonly ours: (recorded: string) => string | undefined;
}

export interface Outcome {
  readonly seq: number;
  readonly line: string;
  readonly difference: string | undefined;
}

export const readExchanges = (file: string): Exchange[] =>
  readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Exchange);

const upidPattern = /UPID:\w+:[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8}:[^:\s]+:[^:\s]*:[^:\s]+:/g;
const start = Date.UTC(2026, 10, 20, 12, 0, 0);
/** Looks that a recorded poll may take in the cluster's time. */
const mostSteps = 3000;

/** Plays a scenario's requests against a pretend cluster over TLS, and compares each answer; for those left out no time passes. */
export async function replay(
  exchanges: readonly Exchange[],
  scenario: Scenario,
  leftOut: ReadonlySet<number> = new Set(),
): Promise<Outcome[]> {
  const time = manualTime(start);
  const cluster = await createPretendCluster({ name: "lab", time, fill: scenario.fill, seed: 11, pace: { boot: 60_000 } });
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false, maxSockets: 8 });
  let arrived = 0;
  const meet = cluster.faults.requests.meet.bind(cluster.faults.requests);
  cluster.faults.requests.meet = (asked) => {
    arrived += 1;
    return meet(asked);
  };
  const known = values(cluster);

  const send = (exchange: Pick<Exchange, "via" | "request">): Promise<Answered> =>
    new Promise((resolve) => {
      const { method, path, query, headers, body } = exchange.request,
        at = cluster.endpoints.find(({ node }) => node === exchange.via)!;
      const text = body === null ? undefined : known.in(whole(body, exchange.request.body_bytes));
      const going = request({
        host: at.host,
        port: at.port,
        agent,
        method,
        path: `${known.path(path)}${query === "" ? "" : `?${known.in(query)}`}`,
        headers: {
          ...Object.fromEntries(
            Object.entries(headers)
              .filter(([name]) => name.toLowerCase() !== "content-length")
              .map(([name, value]) => [name, known.in(String(value))]),
          ),
          ...(text === undefined ? {} : { "Content-Length": Buffer.byteLength(text) }),
        },
      });
      going.once("error", (failure) => resolve({ status: 0, statusText: (failure as NodeJS.ErrnoException).code ?? "", body: undefined }));
      going.once("response", (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.once("end", () =>
          resolve({
            status: answer.statusCode ?? 0,
            statusText: answer.statusMessage ?? "",
            body: parsed(Buffer.concat(chunks).toString("utf8")),
          }),
        );
      });
      going.end(text);
    });

  /** Sends and moves time for as long as the answer waits for it. */
  const exchangeOnce = async (exchange: Pick<Exchange, "via" | "request">): Promise<Answered> => {
    const before = arrived;
    let answer: Answered | undefined;
    const waiting = send(exchange).then((found) => (answer = found));
    const until = Date.now() + 5000;
    while (answer === undefined && arrived === before && Date.now() < until) await settled();
    for (let turn = 0; answer === undefined && turn < 40; turn += 1) await settled();
    while (answer === undefined) {
      time.step();
      for (let turn = 0; answer === undefined && turn < 6; turn += 1) await settled();
    }
    return waiting;
  };

  const task = (upid: string | undefined): { readonly exitstatus: string | undefined } | undefined =>
    upid === undefined ? undefined : cluster.state.tasks.all.get(upid);
  const play: Play = {
    cluster,
    time,
    bind: (recorded, ours) => known.bind(recorded, ours),
    ours: (recorded) => known.upid(recorded),
    async ask(method, path, body) {
      const headers: Record<string, string> = { Authorization: "PVEAPIToken=<TOKEN>" };
      if (body !== undefined) headers["Content-Type"] = "application/x-www-form-urlencoded";
      const answer = await exchangeOnce({
        via: "pve1",
        request: { method, path: `/api2/json${path}`, query: "", headers, body: body ?? null },
      });
      if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${answer.statusText}`);
      return (answer.body as { data: unknown }).data;
    },
  };

  const outcomes: Outcome[] = [];
  for (const exchange of exchanges) {
    await scenario.left?.[exchange.seq]?.(play);
    const { method, path } = exchange.request,
      recorded = answerOf(exchange);
    const about = [...decodeURIComponent(path).matchAll(upidPattern)][0]?.[0];
    const ended = (recorded.body as { data?: { status?: string } } | undefined)?.data?.status === "stopped";
    // The recorder went on asking until the task was over: so do we.
    if (about !== undefined && (ended || path.endsWith("/log")) && method === "GET" && !isEarlyLog(exchange))
      for (
        let step = 0;
        step < mostSteps && task(known.upid(about))?.exitstatus === undefined && known.upid(about) !== undefined;
        step += 1
      ) {
        time.step();
        await settled();
      }
    let ours = await exchangeOnce(exchange);
    let different = compared(recorded, ours, known);
    const first = different;
    if (mayTakeTime(exchange) && !leftOut.has(exchange.seq))
      for (let step = 0; different !== undefined && step < 160; step += 1) {
        await time.advance(400);
        ours = await exchangeOnce(exchange);
        different = compared(recorded, ours, known);
      }
    known.learn(exchange, ours);
    outcomes.push({
      seq: exchange.seq,
      line: `${method} ${path.replace("/api2/json", "")}${exchange.request.query === "" ? "" : `?${exchange.request.query}`}`,
      difference: different === undefined || different === first ? different : `${different} (at first ${first})`,
    });
  }
  agent.destroy();
  await cluster.close();
  return outcomes;
}

const whole = (body: string, bytes: number | undefined): string => (bytes === undefined ? body : body.padEnd(bytes, body.at(-1)));

/** Reads that a real cluster answers from what it heard lately, or that the recorder repeated until they said so. */
const mayTakeTime = ({ request: { method, path }, poll, note }: Exchange): boolean =>
  path.endsWith("/agent/ping") ||
  (method === "GET" &&
    (poll !== undefined || /until|after/.test(note ?? "") || /\/cluster\/(resources|ha\/status\/current)$|exec-status$/.test(path)));

/** A page of a log that was read while its task still ran. */
const isEarlyLog = ({ request: { query } }: Exchange): boolean => query === "limit=2";

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
};

const answerOf = ({ response }: Exchange): Answered =>
  response.error === undefined
    ? { status: response.status!, statusText: response.statusText ?? "", body: response.body }
    : { status: 0, statusText: response.error, body: undefined };

const compared = (recorded: Answered, ours: Answered, known: Known): string | undefined =>
  difference({ ...recorded, body: known.deep(recorded.body) }, ours);

type Known = ReturnType<typeof values>;

/** What recorded values are in this run: tasks, digests, processes, backups, secrets. */
function values(cluster: PretendCluster) {
  const upids = new Map<string, string>(),
    digests = new Map<string, string>(),
    pids = new Map<string, string>(),
    secrets = new Map<string, string>([
      ["<PASSWORD>", encodeURIComponent(cluster.credentials.root.password)],
      ["<PASSWORD_2>", "operator-pass"],
      ["<GUEST_PASSWORD>", "guest-pass-1"],
      ["<GUEST_PASSWORD_2>", "guest-pass-2"],
      ["<SSH_KEY_BLOB>", "AAAAC3NzaC1lZDI1NTE5AAAAIGdGcmVlZG9t"],
      ["<BAD_TICKET>", "PVE:root@pam:6B0037B3::bad"],
      ["<OLD_TICKET>", "PVE:root@pam:5B0037B3::bad"],
      ["<BAD_CSRF>", "6B0037B3:bad"],
    ]);
  const backup = (text: string): string =>
    text.replace(/vzdump-(lxc|qemu)-(\d+)-\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d/g, (whole, kind: string, id: string) => {
      const found = [...cluster.state.volumes.values()].filter((volume) => volume.volid.includes(`vzdump-${kind}-${id}-`)).at(-1);
      return found === undefined || id === "1" ? whole : /vzdump-[^.]+/.exec(found.volid)![0];
    });
  const replaced = (text: string): string => {
    let found = backup(text);
    found = found.replaceAll("<TOKEN>", `root@pam!lab=${cluster.state.users.get("root@pam")!.tokens.get("lab")!.secret}`);
    for (const [name, value] of secrets) found = found.replaceAll(name, value);
    return found
      .replace(/(digest=)([0-9a-f]{40})/, (whole, head: string, digest: string) =>
        digests.has(digest) ? head + digests.get(digest)! : whole,
      )
      .replace(/(pid=)(\d+)$/, (whole, head: string, pid: string) => (pids.has(pid) ? head + pids.get(pid)! : whole));
  };
  return {
    in: replaced,
    path: (path: string): string => {
      const decoded = decodeURIComponent(path);
      const upid = [...decoded.matchAll(upidPattern)][0]?.[0];
      if (upid !== undefined && upids.has(upid))
        return path
          .replace(encodeURIComponent(upid), encodeURIComponent(upids.get(upid)!))
          .replace(/UPID%3A[^/]*/, encodeURIComponent(upids.get(upid)!));
      return backup(path);
    },
    /** A recorded body with our names for its backups. */
    deep: (body: unknown): unknown =>
      body === undefined
        ? undefined
        : (JSON.parse(backup(JSON.stringify(body).replaceAll("<SSH_KEY_BLOB>", secrets.get("<SSH_KEY_BLOB>")!))) as unknown),
    bind: (recorded: string, ours: string) => void upids.set(recorded, ours),
    upid: (recorded: string) => upids.get(recorded),
    learn({ request: { path, headers }, response }: Exchange, ours: Answered): void {
      const [a, b] = [response.body, ours.body].map((body) => (body as { data?: unknown } | undefined)?.data) as [unknown, unknown];
      if (typeof a === "string" && typeof b === "string" && a.startsWith("UPID:") && b.startsWith("UPID:")) upids.set(a, b);
      const [left, right] = [a, b] as [Record<string, unknown> | undefined, Record<string, unknown> | undefined];
      if (typeof left?.["digest"] === "string" && typeof right?.["digest"] === "string") digests.set(left["digest"], right["digest"]);
      if (typeof left?.["pid"] === "number" && typeof right?.["pid"] === "number" && path.endsWith("/exec"))
        pids.set(String(left["pid"]), String(right["pid"]));
      if (typeof right?.["ticket"] === "string") {
        secrets.set("<TICKET>", encodeURIComponent(right["ticket"]));
        secrets.set("<CSRF>", String(right["CSRFPreventionToken"]));
      }
      if (typeof right?.["full-tokenid"] === "string") {
        const named = String(right["full-tokenid"]).startsWith("root") ? "<TOKEN_NO_RIGHTS>" : "<TOKEN_USER>";
        secrets.set(named, `${right["full-tokenid"]}=${String(right["value"])}`);
      }
      void headers;
    },
  };
}
