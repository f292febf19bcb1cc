import { Agent, type RequestOptions, request } from "node:https";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import type { Duplex } from "node:stream";
import { timingSafeEqual } from "node:crypto";

/** How one node's API is reached and known: `fingerprint` (SHA-256 of its certificate, hex with or without colons) or an authority. */
export interface EndpointOptions {
  readonly host: string;
  readonly port: number;
  readonly fingerprint?: string | undefined;
  /** PEM; the system's authorities where neither is given. */
  readonly ca?: string | undefined;
  readonly connections?: number | undefined;
}

/** A request as it goes out. */
export interface Outgoing {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** An answer as it came in. */
export interface Incoming {
  readonly status: number;
  readonly statusText: string;
  readonly text: string;
}

/** No answer: `sent` tells whether the request may have arrived. */
export class NoAnswer extends Error {
  readonly sent: boolean;
  constructor(text: string, sent: boolean, cause?: unknown) {
    super(text, { cause });
    this.name = "NoAnswer";
    this.sent = sent;
  }
}

/** The largest answer that is read, in bytes: a cluster of 10 000 guests lists itself in less. */
const maxAnswer = 32 * 1024 * 1024;
/** Proxmox VE closes an idle connection after 5 s (PVE::APIServer::AnyEvent). */
const idleMs = 4000;

const bytesOf = (fingerprint: string): Buffer => Buffer.from(fingerprint.replaceAll(":", ""), "hex");

/** Keeps connections to one address; a certificate with another fingerprint is refused before anything is said. */
class PinnedAgent extends Agent {
  readonly #pin: Buffer | undefined;
  constructor(options: EndpointOptions) {
    super({ keepAlive: true, maxSockets: options.connections ?? 4, maxCachedSessions: 0, timeout: idleMs });
    this.#pin = options.fingerprint === undefined ? undefined : bytesOf(options.fingerprint);
  }

  createConnection(options: ConnectionOptions, made: (failure: Error | null, stream: Duplex) => void): undefined {
    const pin = this.#pin;
    const { session: _, ...fresh } = options as ConnectionOptions & { session?: unknown };
    const socket: TLSSocket = connect({ ...fresh, ...(pin === undefined ? {} : { rejectUnauthorized: false }) });
    const refuse = (failure: Error) => made(failure, socket);
    socket.once("error", refuse);
    socket.once("secureConnect", () => {
      socket.off("error", refuse);
      const seen = bytesOf(socket.getPeerX509Certificate()?.fingerprint256 ?? "");
      if (pin !== undefined && (seen.length !== pin.length || !timingSafeEqual(seen, pin))) {
        socket.destroy();
        return made(new WrongFingerprint(seen.toString("hex")), socket);
      }
      made(null, socket);
    });
    return undefined;
  }
}

/** The node showed another certificate than the one that is pinned. */
export class WrongFingerprint extends Error {
  readonly seen: string;
  constructor(seen: string) {
    super(`its certificate has the fingerprint ${(seen.match(/../g) ?? []).join(":").toUpperCase()}`);
    this.name = "WrongFingerprint";
    this.seen = seen;
  }
}

/** One address of a cluster. */
export interface Endpoint {
  readonly name: string;
  /** Sends once and answers what came back; throws NoAnswer. It never repeats anything. */
  exchange(outgoing: Outgoing): Promise<Incoming>;
  close(): void;
}

/** Makes the endpoint; nothing is connected before the first request. */
export function endpoint(options: EndpointOptions): Endpoint {
  const agent = new PinnedAgent(options);
  const about: RequestOptions = {
    host: options.host,
    port: options.port,
    agent,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  };
  return {
    name: `${options.host}:${options.port}`,
    exchange: (outgoing) => exchange(about, outgoing),
    close: () => agent.destroy(),
  };
}

function exchange(about: RequestOptions, { method, path, headers, body, timeoutMs, signal }: Outgoing): Promise<Incoming> {
  return new Promise((resolve, reject) => {
    let sent = false;
    const length = body === undefined ? {} : { "Content-Length": String(Buffer.byteLength(body)) };
    const going = request({ ...about, method, path, headers: { ...headers, ...length }, ...(signal === undefined ? {} : { signal }) });
    const timer = setTimeout(() => going.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    const fail = (failure: Error): void => {
      clearTimeout(timer);
      reject(new NoAnswer(failure.message, sent, failure));
    };
    // From the moment a connection is there the request may be on its way.
    going.once("socket", (socket) => {
      const started = (): void => void (sent = true);
      if ((socket as TLSSocket).connecting) socket.once("secureConnect", started);
      else started();
    });
    going.once("error", fail);
    going.once("response", (answer) => {
      const chunks: Buffer[] = [];
      let size = 0;
      answer.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        if ((size += chunk.length) > maxAnswer) going.destroy(new Error(`an answer of more than ${maxAnswer} bytes`));
      });
      answer.once("error", fail);
      answer.once("aborted", () => fail(new Error("the connection ended in the middle of the answer")));
      answer.once("end", () => {
        clearTimeout(timer);
        resolve({ status: answer.statusCode ?? 0, statusText: answer.statusMessage ?? "", text: Buffer.concat(chunks).toString("utf8") });
      });
    });
    going.end(body);
  });
}
