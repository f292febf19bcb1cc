import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { request as httpsRequest, type RequestOptions } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import WebSocket from "ws";
import type { Problem } from "../../schemas/problem.ts";
import { type ControllerMessage, challengeText, type EnrolAnswer, protocolVersion } from "../../schemas/protocol.ts";
import { allowedAgents } from "./allowed-agents.ts";
import { machineClock } from "./clock.ts";
import { createHub, type Hub } from "./hub.ts";
import type { HubEvent, HubEvents } from "./hub-events.ts";
import type { TokenWish } from "./join-token.ts";
import { initKeys, type Keys, loadKeys } from "./keys.ts";
import type { Log } from "./log.ts";
import { memoryRegistry } from "./memory-registry.ts";
import type { AgentRegistry } from "./registry.ts";
import { type AgentServer, startAgentServer } from "./server.ts";
import { pollingCarrier } from "./poll.fixture.ts";
import { ownCertificate } from "./server-certificate.ts";
import type { SessionLimits } from "./session-limits.ts";
import type { ToldLimits } from "./told.ts";

/** A hub behind a real TLS server with real certificates, and what it told the rest of the controller. */
export interface Fixture {
  readonly folder: string;
  readonly keys: Keys;
  readonly registry: AgentRegistry;
  readonly hub: Hub;
  readonly server: AgentServer;
  readonly url: string;
  readonly events: HubEvent[];
  readonly states: string[];
  readonly reports: { agent: string; seq: number }[];
  readonly results: { agent: string; step: string }[];
  readonly progress: string[];
  /** Events and gaps of reports. */
  readonly told: string[];
  /** Set to make the next reports or results fail to be stored. */
  readonly broken: { value: boolean };
  /** Set to hold every report until it resolves. */
  readonly gate: { wait: Promise<void> };
  readonly carrier: CarrierName;
  close(): Promise<void>;
}

/** What carries the lines that a fixture opens. */
export const carriers = ["websocket", "polling"] as const;
export type CarrierName = (typeof carriers)[number];

export interface FixtureOptions {
  readonly limits?: Partial<SessionLimits>;
  readonly told?: ToldLimits;
  readonly allowed?: string;
  readonly dist?: string;
  /** Added to the controller's time. */
  readonly skew?: { ms: number };
  readonly carrier?: CarrierName | undefined;
}

const nothing = (): void => {};
const quiet: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };

export async function startFixture(options: FixtureOptions = {}): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), "hub-")),
    registry = memoryRegistry(),
    keysFolder = join(folder, "keys");
  await initKeys(keysFolder, Date.now());
  const keys = await loadKeys(keysFolder);
  const clock = { now: () => Date.now() + (options.skew?.ms ?? 0), mono: machineClock.mono };
  const seen = {
    events: [] as HubEvent[],
    states: [] as string[],
    reports: [] as { agent: string; seq: number }[],
    results: [] as { agent: string; step: string }[],
    progress: [] as string[],
    told: [] as string[],
  };
  const broken = { value: false },
    gate = { wait: Promise.resolve() };
  const events: HubEvents = {
    async onReport(agent, report) {
      await gate.wait;
      if (broken.value) throw new Error("disk full");
      seen.reports.push({ agent: agent.id, seq: report.seq });
      seen.told.push(...report.events.map(({ text }) => text), ...(report.gap === undefined ? [] : [`gap ${report.gap}`]));
    },
    async onResult(agent, result) {
      if (broken.value) throw new Error("disk full");
      seen.results.push({ agent: agent.id, step: result.step });
    },
    onProgress: (_, progress) => void seen.progress.push(progress.text),
    onAgentState: (agent) => void seen.states.push(`${agent.host} ${agent.state}`),
    onEvent: (event) => void seen.events.push(event),
  };
  const hub = await createHub({
    registry,
    keys,
    clock,
    log: quiet,
    events,
    allowed: allowedAgents(options.allowed),
    limits: options.limits,
    told: options.told,
    tickMs: 20,
  });
  const server = await startAgentServer({
    hub,
    certificate: ownCertificate(keysFolder, ["localhost", "127.0.0.1"]),
    clock,
    log: quiet,
    port: 0,
    host: "127.0.0.1",
    dist: options.dist,
    polls: { idleMs: 2_000 },
  });
  const close = async (): Promise<void> => {
    await hub.close();
    await server.close();
    await rm(folder, { recursive: true });
  };
  return {
    folder,
    keys,
    registry,
    hub,
    server,
    url: `https://127.0.0.1:${server.port}`,
    ...seen,
    broken,
    gate,
    carrier: options.carrier ?? "websocket",
    close,
  };
}

/** An answer of the agents' port. */
export interface Reply {
  readonly status: number;
  readonly body: string;
  readonly json: Record<string, unknown> & Partial<Problem>;
}

/** One HTTPS request that trusts `ca` alone. */
export async function fetchPinned(url: string, ca: string, body?: unknown, more: RequestOptions = {}): Promise<Reply> {
  const request = httpsRequest(url, { method: body === undefined ? "GET" : "POST", ca, agent: false, ...more });
  request.end(body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body));
  const [response] = (await once(request, "response")) as [import("node:http").IncomingMessage];
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString();
  return {
    status: response.statusCode ?? 0,
    body: text,
    json: /json/.test(response.headers["content-type"] ?? "") ? JSON.parse(text) : {},
  };
}

/** A machine that can enrol. */
export interface Guest {
  readonly hostname: string;
  readonly machineId: string;
  readonly hardwareId?: string;
  readonly publicKey: string;
  readonly key: KeyObject;
}

export function newGuest(hostname: string, fields: Partial<Guest> = {}): Guest {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return {
    hostname,
    machineId: `machine-of-${hostname}`,
    hardwareId: `hardware-of-${hostname}`,
    publicKey: publicKey.export({ format: "jwk" }).x as string,
    key: privateKey,
    ...fields,
  };
}

export const tokenFor = async (fixture: Fixture, wish: Partial<TokenWish> = {}): Promise<string> =>
  (await fixture.hub.createToken({ ttlMs: 60_000, maxUses: 1, by: "alice", ...wish })).token;

export const enrolOver = (fixture: Fixture, guest: Guest, token: string, ca: string = fixture.keys.ca): Promise<Reply> => {
  const { key: _, ...request } = guest;
  return fetchPinned(`${fixture.url}/agent/v1/enrol`, ca, { token, version: "1.0.0", ...request });
};

/** A guest that is enrolled, with the agent's id. */
export type Enrolled = Guest & { readonly agent: string };

export async function enrolled(fixture: Fixture, hostname: string, wish: Partial<TokenWish> = {}): Promise<Enrolled> {
  const guest = newGuest(hostname),
    reply = await enrolOver(fixture, guest, await tokenFor(fixture, wish));
  return { ...guest, agent: (reply.json as unknown as EnrolAnswer).agent };
}

export const signature = (guest: Guest, purpose: "token" | "renew", agent: string, nonce: string): string =>
  sign(null, Buffer.from(challengeText(purpose, agent, nonce)), guest.key).toString("base64");

export async function proveOver(fixture: Fixture, guest: Enrolled, fields: Record<string, unknown> = {}): Promise<Reply> {
  const challenge = await fetchPinned(`${fixture.url}/agent/v1/challenge`, fixture.keys.ca, { agent: guest.agent }),
    nonce = String(challenge.json["nonce"]);
  const request = {
    agent: guest.agent,
    nonce,
    signature: signature(guest, "token", guest.agent, nonce),
    machineId: guest.machineId,
    hardwareId: guest.hardwareId,
    ...fields,
  };
  return fetchPinned(`${fixture.url}/agent/v1/token`, fixture.keys.ca, request);
}

/** What carries a line, as a test uses it. */
export interface Carrier {
  send(text: string | Buffer): void;
  /** Reads nothing any more. */
  pause(): void;
  /** Ends without a word. */
  cut(): void;
  onMessage(handler: (text: string) => void): void;
  onClose(handler: (closed: { code: number; reason: string }) => void): void;
}

/** A client that keeps what it got. */
export class Line {
  readonly carrier: Carrier;
  readonly got: ControllerMessage[] = [];
  closed: { code: number; reason: string } | undefined;

  /** `clockBehind`: pings are answered, by a clock that many milliseconds behind. */
  constructor(carrier: Carrier, clockBehind?: number) {
    this.carrier = carrier;
    carrier.onMessage((text) => {
      const message = JSON.parse(text) as ControllerMessage;
      if (message.type === "ping" && clockBehind !== undefined) this.send({ type: "pong", id: message.id, time: Date.now() - clockBehind });
      else this.got.push(message);
    });
    carrier.onClose((closed) => {
      this.closed = closed;
    });
  }

  send(message: object | string): void {
    this.carrier.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  /** The first message of a type that was not taken before. */
  async take<T extends ControllerMessage["type"]>(type: T): Promise<Extract<ControllerMessage, { type: T }>> {
    return until(() => {
      const at = this.got.findIndex((message) => message.type === type);
      return at < 0 ? undefined : (this.got.splice(at, 1)[0] as Extract<ControllerMessage, { type: T }>);
    });
  }

  end(): Promise<{ code: number; reason: string }> {
    return until(() => this.closed);
  }
}

/** Waits until something is there. */
export async function until<T>(look: () => T | undefined | false): Promise<T> {
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Opens the fixture's carrier with a JWT; resolves to the line, or to the refusal. */
export async function dial(fixture: Fixture, jwt: string | undefined, clockBehind?: number): Promise<Line | Reply> {
  const opened = await (fixture.carrier === "polling" ? pollingCarrier(fixture, jwt) : webSocketCarrier(fixture, jwt));
  return "status" in opened ? opened : new Line(opened, clockBehind);
}

function webSocketCarrier(fixture: Fixture, jwt: string | undefined): Promise<Carrier | Reply> {
  const socket = new WebSocket(`${fixture.url.replace("https", "wss")}/agent/v1/connect`, {
    ca: fixture.keys.ca,
    perMessageDeflate: false,
    headers: jwt === undefined ? {} : { authorization: `Bearer ${jwt}` },
  });
  const carrier: Carrier = {
    send: (text) => socket.send(text),
    pause: () => socket.pause(),
    cut: () => socket.terminate(),
    onMessage: (handler) => void socket.on("message", (data) => handler(String(data))),
    onClose: (handler) => void socket.on("close", (code, reason) => handler({ code, reason: String(reason) })),
  };
  return new Promise((resolve, reject) => {
    socket.once("open", () => resolve(carrier));
    socket.once("error", reject);
    socket.on("error", () => {});
    socket.once("unexpected-response", (_, response) => {
      let body = "";
      response.on("data", (part) => (body += part));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body, json: JSON.parse(body) as Reply["json"] }));
    });
  });
}

export const hello = (guest: Enrolled, fields: Record<string, unknown> = {}): object => ({
  type: "hello",
  protocol: protocolVersion,
  agent: guest.agent,
  version: "1.0.0",
  platform: { os: "linux", arch: "x64", init: "systemd" },
  verbs: ["service", "service.restart"],
  bootId: "boot-1",
  machineId: guest.machineId,
  acked: 0,
  time: Date.now(),
  ...fields,
});

/** A line that was opened; nothing was said on it. */
export async function opened(fixture: Fixture, guest: Enrolled, clockBehind?: number): Promise<Line> {
  const line = await dial(fixture, String((await proveOver(fixture, guest)).json["jwt"]), clockBehind);
  if (!(line instanceof Line)) throw new Error(line.body);
  return line;
}

/** A line on which the agent was welcomed. */
export async function connected(
  fixture: Fixture,
  guest: Enrolled,
  fields: Record<string, unknown> = {},
  clockBehind?: number,
): Promise<Line> {
  const line = await opened(fixture, guest, clockBehind);
  line.send(hello(guest, fields));
  await line.take("welcome");
  return line;
}
