import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { error, type Problem, ProblemError } from "../../schemas/problem.ts";
import { maxMessage } from "../../schemas/protocol.ts";
import { artifactsIn } from "./artifacts.ts";
import type { HubClock } from "./clock.ts";
import { countFailures } from "./failures.ts";
import type { Hub } from "./hub.ts";
import type { Log } from "./log.ts";
import { bearerOf, problemBody, statusOf } from "./http-answer.ts";
import { type PollLimits } from "./poll-transport.ts";
import { polling } from "./polling.ts";
import type { Releases } from "./releases.ts";
import { answer } from "./routes.ts";
import type { CertificateSource } from "./server-certificate.ts";
import { overWebSocket } from "./websocket-transport.ts";

export interface AgentServerOptions {
  readonly hub: Hub;
  readonly certificate: CertificateSource;
  readonly clock: HubClock;
  readonly log: Log;
  /** 0: any free port. */
  readonly port: number;
  /** Address to listen on; absent: all. */
  readonly host?: string | undefined;
  /** Folder with the agents that hosts download; absent: none. */
  readonly dist?: string | undefined;
  /** What enrolled agents are updated to; absent: none. */
  readonly releases?: Releases | undefined;
  readonly limits?: Partial<ServerLimits> | undefined;
  readonly polls?: Partial<PollLimits> | undefined;
}

export interface ServerLimits {
  /** TLS handshakes under way at once; one address may have half of them. */
  readonly handshakes: number;
  readonly handshakeMs: number;
  /** Until a request's headers have to be there. */
  readonly headersMs: number;
  /** Failures to enrol or identify from one address at once, and how often one more is forgiven. */
  readonly failures: number;
  readonly failureMs: number;
  /** Agents that are downloaded at a time, and how long a download may stand still. */
  readonly downloads: number;
  readonly downloadIdleMs: number;
  /** How often the certificate is looked at: a new one is shown from then on, and open connections stay. */
  readonly certificateCheckMs: number;
}

const serverLimits: ServerLimits = {
  handshakes: 2_000,
  handshakeMs: 20_000,
  headersMs: 10_000,
  failures: 10,
  failureMs: 60_000,
  downloads: 128,
  downloadIdleMs: 30_000,
  certificateCheckMs: 12 * 3_600_000,
};

export interface AgentServer {
  readonly port: number;
  close(): Promise<void>;
}

/** The HTTPS server that agents reach: enrolment, identity, downloads, the WebSocket at /agent/v1/connect, and long polls. Throws ProblemError where the port cannot be had. */
export async function startAgentServer(options: AgentServerOptions): Promise<AgentServer> {
  const { hub, log, clock, certificate } = options;
  const limits = { ...serverLimits, ...options.limits };
  let current = await certificate(clock.now());
  const server = createServer({
    cert: current.cert,
    key: current.key,
    minVersion: "TLSv1.2",
    handshakeTimeout: limits.handshakeMs,
    headersTimeout: limits.headersMs,
    requestTimeout: 30_000,
    // An agent that polls says something at least as often as it is pinged: its connection is to stay.
    keepAliveTimeout: 30_000,
    connectionsCheckingInterval: 5_000,
    maxHeaderSize: 8 * 1024,
  });
  const failures = countFailures(limits.failures, limits.failureMs, () => clock.mono());
  const downloads = { most: limits.downloads, idleMs: limits.downloadIdleMs, open: 0 };
  const polls = polling(hub, clock, options.polls);
  const context = {
    hub,
    polls,
    ca: () => current.ca,
    artifacts: artifactsIn(options.dist),
    releases: options.releases,
    failures,
    downloads,
  };
  const sockets = new WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload: maxMessage });
  server.on("request", (request, response) => void answer(request, response, context));
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgrade(request, socket, head, hub, sockets).catch((cause: unknown) => {
      log.error({ err: cause }, "unable to take a connection");
      socket.destroy();
    });
  });
  server.on("tlsClientError", (cause: Error & { code?: string }, socket) => {
    log.debug({ address: (socket as unknown as Socket).remoteAddress, code: cause.code }, "a TLS handshake failed");
    socket.destroy();
  });
  limitHandshakes(server, limits.handshakes);
  await listen(server, options);
  const renewal = setInterval(() => {
    certificate(clock.now()).then(
      (next) => {
        if (next.cert !== current.cert) server.setSecureContext({ cert: next.cert, key: next.key, minVersion: "TLSv1.2" });
        current = next;
      },
      (cause: unknown) => log.error({ err: cause, expiresAt: current.expiresAt }, "unable to renew the server's certificate"),
    );
  }, limits.certificateCheckMs);
  renewal.unref();
  return {
    port: (server.address() as AddressInfo).port,
    // WebSockets are the hub's to close: waiting for them here would wait for ever where the hub is closed afterwards.
    async close() {
      clearInterval(renewal);
      polls.close();
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Opens a WebSocket for who shows a good JWT; everybody else gets a plain answer and is cut off. */
async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, hub: Hub, sockets: WebSocketServer): Promise<void> {
  const lost = (): void => void socket.destroy();
  socket.on("error", lost);
  const path = (request.url ?? "").split("?")[0];
  if (path !== "/agent/v1/connect")
    return refuse(socket, 404, error("http/not-found", "Unable to answer: WebSockets are at /agent/v1/connect"));
  const jwt = bearerOf(request);
  if (jwt === undefined) return refuse(socket, 401, error("identity/no-jwt", "Unable to open the connection: it needs a bearer token"));
  const who = await hub.admit(jwt);
  if ("code" in who) return refuse(socket, statusOf(who.code), who);
  if (socket.destroyed) return;
  const address = request.socket.remoteAddress;
  sockets.handleUpgrade(request, socket, head, (webSocket) => {
    socket.off("error", lost);
    hub.accept(overWebSocket(webSocket), who.agent, { expiresAt: who.expiresAt, address });
  });
}

const phrases: Readonly<Record<number, string>> = { 401: "Unauthorized", 403: "Forbidden", 404: "Not Found" };

function refuse(socket: Duplex, status: number, problem: Problem): void {
  const body = JSON.stringify(problemBody(status, problem));
  socket.end(
    `HTTP/1.1 ${status} ${phrases[status]}\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

/** Drops new connections while too many have not finished their TLS handshake: agents come again, with jitter. */
function limitHandshakes(server: Server, most: number): void {
  const byAddress = new Map<string, number>();
  let all = 0;
  server.on("connection", (socket: Socket) => {
    const address = socket.remoteAddress ?? "",
      mine = byAddress.get(address) ?? 0;
    if (all >= most || mine >= most / 2) return void socket.destroy();
    all++;
    byAddress.set(address, mine + 1);
    let open = true;
    const done = (): void => {
      if (!open) return;
      open = false;
      all--;
      const left = (byAddress.get(address) ?? 1) - 1;
      if (left === 0) byAddress.delete(address);
      else byAddress.set(address, left);
    };
    finished.set(socket, done);
    socket.once("close", done);
  });
  // The TLS socket wraps the plain one, whose ports it shares; Node gives it as `_parent`.
  server.on("secureConnection", (secure) => finished.get((secure as unknown as { _parent?: object })._parent ?? secure)?.());
}

const finished = new WeakMap<object, () => void>();

async function listen(server: Server, { port, host }: AgentServerOptions): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    const reason = code === "EADDRINUSE" ? "another program listens there" : code === "EACCES" ? "no permission" : code;
    throw new ProblemError(
      error("hub/port", `Unable to listen for agents on port ${port}: ${reason}`, {
        hint: "Set WS_PORT to another port, or stop the other program.",
      }),
      { cause },
    );
  }
}
