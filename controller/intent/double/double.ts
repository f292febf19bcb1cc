import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { answer, type Exchange, type Running, scriptError } from "./exchange.ts";
import { nextId } from "./message.ts";
import { MODELS, type ModelCard } from "./models.ts";
import { headersOf, sendError } from "./respond.ts";
import type { Fault, Script } from "./script.ts";
import type { Seen } from "./seen.ts";

/** What a double is made of. */
export interface DoubleOptions {
  /** The only API key that it accepts. */
  readonly key: string;
  readonly script: Script;
  readonly models?: readonly ModelCard[];
  /** Faults laid over requests by their number, counted from 0 over the messages that passed the checks. */
  readonly faults?: Readonly<Record<number, Fault>>;
  /** The clock of the prompt cache, in milliseconds. */
  readonly now?: () => number;
}

/** A running double. */
export interface Double extends AsyncDisposable {
  /** For the `baseURL` of a client. */
  readonly url: string;
  readonly requests: readonly Seen[];
  /** How much of the script nobody asked for yet. */
  turnsLeft(): number;
  close(): Promise<void>;
}

/** Starts a local server that speaks the Messages API as strictly as the real one and answers from a script. */
export async function startDouble({ key, script, models = MODELS, faults = {}, now = Date.now }: DoubleOptions): Promise<Double> {
  const memory = { cache: new Map(), footprints: new Map(), issued: new Map(), ids: 0 };
  const running: Running = { key, script, models, faults, now, memory, turns: 0, asked: 0 };
  const requests: Seen[] = [];
  const server = createServer((request, response) => void serve(running, requests, request, response));
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const close = () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    return closed;
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    turnsLeft: () => Math.max(0, script.length - running.turns),
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function serve(running: Running, requests: Seen[], request: IncomingMessage, response: ServerResponse): Promise<void> {
  const seen: Seen = {
    method: request.method ?? "GET",
    path: request.url ?? "/",
    headers: request.headers,
    get status() {
      return response.headersSent ? response.statusCode : undefined;
    },
  };
  requests.push(seen);
  const headers = headersOf(nextId(running.memory, "req"), requests.length, Date.now());
  const exchange: Exchange = { running, seen, request, response, headers };
  response.once("close", () => {
    if (!response.writableFinished && exchange.broken === undefined) seen.closedEarly = true;
  });
  const error = await answer(exchange).catch((thrown: unknown) => scriptError(String(thrown)));
  if (error === undefined) return;
  seen.error = error;
  request.resume();
  if (response.headersSent) response.destroy();
  else sendError(response, headers, error);
}
