import { setTimeout as sleep } from "node:timers/promises";
import { type Proxmox, proxmoxApi } from "proxmox-api";
import { type Endpoint, endpoint, type EndpointOptions, type Incoming, NoAnswer, WrongFingerprint } from "./endpoint.ts";
import { formOf, type Params } from "./form.ts";
import { type Credentials, login } from "./login.ts";
import { type Pace, pace } from "./pace.ts";
import { failureOf, passes, PveError } from "./pve-error.ts";

export interface ClientOptions {
  /** Addresses of nodes of one cluster; the first that answers is used until it fails. */
  readonly endpoints: readonly EndpointOptions[];
  readonly credentials: Credentials;
  readonly now?: (() => number) | undefined;
  /** Most requests at once to one node. */
  readonly perNode?: number | undefined;
  /** Waits between attempts of a read, in milliseconds. */
  readonly backOffMs?: readonly number[] | undefined;
}

export type Method = "GET" | "POST" | "PUT" | "DELETE";

export interface RequestOptions {
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A client of one cluster's API. */
export interface PveClient {
  /** `path` below /api2/json. Answers `data`; throws PveError. Reads are repeated and fail over; a write is sent once, unless it surely did not arrive. */
  request(method: Method, path: string, params?: Params, options?: RequestOptions): Promise<unknown>;
  /** The same with proxmox-api's paths and types: `api.nodes.$(node).qemu.$get()`. */
  readonly api: Proxmox.Api;
  /** Who it is logged in as: `user@realm`, or `user@realm!token`. */
  readonly who: string;
  /** Requests sent since the start, for measuring. */
  readonly sent: number;
  close(): void;
}

/** pveproxy waits 30 s for a node that is down before it says 595. */
const defaultTimeoutMs = 40_000;
/** Larger bodies are refused by pveproxy. */
const maxBody = 512 * 1024;
const defaultBackOff = [200, 1000, 3000];

/** Makes a client; nothing is sent before the first request. */
export function pveClient(options: ClientOptions): PveClient {
  const endpoints = options.endpoints.map(endpoint),
    who = login(options.credentials, options.now ?? Date.now),
    paces = new Map<string, Pace>(),
    backOff = options.backOffMs ?? defaultBackOff;
  let current = 0,
    sent = 0;

  const paceOf = (path: string): Pace => {
    const node = /^\/nodes\/([^/]+)/.exec(path)?.[1] ?? "";
    let mine = paces.get(node);
    if (mine === undefined) paces.set(node, (mine = pace(options.perNode)));
    return mine;
  };

  /** One attempt at one endpoint: answers data, or throws PveError. */
  const attempt = async (
    at: Endpoint,
    method: Method,
    path: string,
    params: Params,
    how: RequestOptions,
    again = true,
  ): Promise<unknown> => {
    const request = `${method} ${path}`,
      write = method !== "GET",
      query = method === "GET" || method === "DELETE";
    const encoded = formOf(params),
      body = query || encoded === "" ? undefined : encoded;
    if (body !== undefined && Buffer.byteLength(body) > maxBody)
      throw new PveError({
        kind: "parameter",
        text: `the request has ${Buffer.byteLength(body)} bytes, and the API takes ${maxBody}`,
        request,
      });
    let answer: Incoming;
    try {
      const proof = await who.headers(at, write);
      sent += 1;
      answer = await at.exchange({
        method,
        path: `/api2/json${path}${query && encoded !== "" ? `?${encoded}` : ""}`,
        headers: {
          Accept: "application/json",
          ...proof,
          ...(body === undefined ? {} : { "Content-Type": "application/x-www-form-urlencoded" }),
        },
        body,
        timeoutMs: how.timeoutMs ?? defaultTimeoutMs,
        signal: how.signal,
      });
    } catch (failure) {
      throw noAnswer(failure, at, request, write);
    }
    if (answer.status >= 200 && answer.status < 300) return dataOf(answer, request, write);
    const refusal = refusalOf(answer, request, write);
    if (refusal.kind === "login" && again && who.refused()) return attempt(at, method, path, params, how, false);
    throw refusal;
  };

  const request = async (method: Method, path: string, params: Params = {}, how: RequestOptions = {}): Promise<unknown> => {
    let failure: PveError | undefined;
    for (let turn = 0; ; turn += 1) {
      const at = endpoints[current % endpoints.length]!;
      try {
        return await paceOf(path).run(
          () => attempt(at, method, path, params, how),
          (outcome) => how.signal?.aborted !== true && struggled(outcome),
        );
      } catch (thrown) {
        if (!(thrown instanceof PveError)) throw thrown;
        failure = thrown;
      }
      // Who asked gave up: that says nothing about the node.
      if (how.signal?.aborted === true) throw failure;
      if (failure.kind === "unreachable" && failure.status === undefined) current += 1;
      const repeat =
        method === "GET" ? passes(failure.kind) && failure.kind !== "locked" && failure.kind !== "quorum" : neverArrived(failure);
      const attempts = Math.max(backOff.length + 1, failure.status === undefined ? endpoints.length : 0);
      if (!repeat || turn + 1 >= attempts) throw failure;
      await sleep(backOff[Math.min(turn, backOff.length - 1)] ?? 0, undefined, { signal: how.signal }).catch(() => undefined);
    }
  };

  return {
    request,
    who: who.who,
    get sent() {
      return sent;
    },
    api: proxmoxApi({
      doRequest: (method, path, _template, params) =>
        request(method.toUpperCase() as Method, path.replace(/^\/api2\/json/, ""), (params ?? {}) as Params),
    }),
    close: () => {
      for (const one of endpoints) one.close();
    },
  };
}

/** A write that found nobody to talk to was surely not done. */
const neverArrived = (failure: PveError): boolean => failure.kind === "unreachable" && failure.status === undefined && !failure.mayBeDone;

const struggled = (outcome: { value: unknown } | { failure: unknown }): boolean =>
  "failure" in outcome &&
  outcome.failure instanceof PveError &&
  (outcome.failure.kind === "busy" || outcome.failure.kind === "unreachable");

function noAnswer(failure: unknown, at: Endpoint, request: string, write: boolean): PveError {
  if (failure instanceof PveError) return failure;
  const reason = failure instanceof Error ? failure : new Error(String(failure));
  const pin = [reason, reason.cause].find((one) => one instanceof WrongFingerprint);
  if (pin instanceof WrongFingerprint)
    return new PveError({ kind: "login", text: `${at.name} is not the server that was pinned: ${pin.message}`, request, cause: failure });
  const mayBeDone = write && reason instanceof NoAnswer && reason.sent;
  return new PveError({ kind: "unreachable", text: `${at.name}: ${reason.message}`, request, mayBeDone, cause: failure });
}

function dataOf({ text, status }: Incoming, request: string, write: boolean): unknown {
  try {
    return (JSON.parse(text) as { data: unknown }).data;
  } catch (cause) {
    throw new PveError({ kind: "failed", text: "the answer is not JSON", status, request, mayBeDone: write, cause });
  }
}

/** What went wrong, from status line and body; a proxy's answer to a write leaves open whether it was done. */
function refusalOf({ status, statusText, text }: Incoming, request: string, write: boolean): PveError {
  const body = readable(text),
    said = (body?.message ?? statusText).trim() || `status ${status}`,
    kind = failureOf(status, said);
  const parameters =
    body?.errors === undefined
      ? undefined
      : Object.fromEntries(Object.entries(body.errors).map(([key, value]) => [key, String(value).trim()]));
  return new PveError({ kind, text: said, status, request, parameters, mayBeDone: write && kind === "unreachable" });
}

function readable(text: string): { message?: string; errors?: Record<string, unknown> } | undefined {
  try {
    const body = JSON.parse(text) as unknown;
    return typeof body === "object" && body !== null ? (body as { message?: string; errors?: Record<string, unknown> }) : undefined;
  } catch {
    return undefined;
  }
}
