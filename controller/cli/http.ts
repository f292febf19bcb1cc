import type { Readable } from "node:stream";
import { Agent, type Dispatcher, request } from "undici";
import type { ProblemBody } from "../../schemas/api.ts";
import { error, type Problem, ProblemError } from "../../schemas/problem.ts";
import type { Endpoint } from "./target.ts";

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** Requests to one controller. Everything that goes wrong rejects with a ProblemError. */
export interface Http {
  readonly server: URL;
  get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T>;
  post<T>(path: string, body?: unknown): Promise<T>;
  delete(path: string): Promise<void>;
  /** The open body of a stream of events, from the one after `last`. */
  stream(path: string, last: number, signal: AbortSignal): Promise<Readable>;
  close(): Promise<void>;
}

interface Sending {
  readonly query?: Query | undefined;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

type Answer = Dispatcher.ResponseData;

/** Opens nothing yet: connections are made as they are needed, and trust the endpoint's CA alone where it has one. */
export function createHttp({ server, token, tokenFrom, ca }: Endpoint, version: string): Http {
  const pin = ca === undefined ? {} : { connect: { ca, maxCachedSessions: 0 } };
  const dispatcher = new Agent({ ...pin, headersTimeout: 120_000, bodyTimeout: 0 });
  const common = {
    accept: "application/json",
    "user-agent": `backend-ai/${version}`,
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const send = async (method: Dispatcher.HttpMethod, path: string, { query = {}, body, headers, signal }: Sending): Promise<Answer> => {
    const url = new URL(`${server.pathname.replace(/\/$/, "")}${path}`, server);
    for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, String(value));
    const content = body === undefined ? {} : { "content-type": "application/json" };
    const options = {
      method,
      dispatcher,
      headers: { ...common, ...content, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    };
    const answer = await request(url, options).catch((cause: unknown) => {
      if (signal?.aborted === true) throw cause;
      throw new ProblemError(unreachable(cause, server), { cause });
    });
    if (answer.statusCode < 200 || answer.statusCode > 299) {
      const problems = await problemsIn(answer, server);
      throw new ProblemError(answer.statusCode === 401 ? problems.map((one) => whichToken(one, tokenFrom)) : problems);
    }
    return answer;
  };
  const json = async <T>(method: Dispatcher.HttpMethod, path: string, sending: Sending): Promise<T> => {
    const { body } = await send(method, path, sending);
    try {
      return (await body.json()) as T;
    } catch (cause) {
      if (sending.signal?.aborted === true) throw cause;
      throw new ProblemError(cause instanceof SyntaxError ? notOurs(server) : unreachable(cause, server), { cause });
    }
  };
  return {
    server,
    get: (path, query, signal) => json("GET", path, { query, signal }),
    post: (path, body) => json("POST", path, { body: body ?? {} }),
    delete: async (path) => void (await (await send("DELETE", path, {})).body.text()),
    stream: async (path, last, signal) =>
      (await send("GET", path, { headers: { accept: "text/event-stream", "last-event-id": String(last) }, signal })).body,
    close: () => dispatcher.destroy(),
  };
}

async function problemsIn({ statusCode, headers, body }: Answer, server: URL): Promise<readonly Problem[]> {
  const isProblem = String(headers["content-type"]).startsWith("application/problem+json");
  const said = isProblem ? ((await body.json().catch(() => undefined)) as ProblemBody | undefined) : undefined;
  return said !== undefined && Array.isArray(said.problems) && said.problems.length > 0 ? said.problems : [notOurs(server, statusCode)];
}

/** Several controllers may have been at one address: says which token was used. */
const whichToken = (problem: Problem, from: string | undefined): Problem =>
  from === undefined
    ? {
        ...problem,
        hint: "Give one in BACKEND_AI_TOKEN, or run the command as the controller's user. An admin makes one: `backend-ai token create NAME`.",
      }
    : { ...problem, hint: `The token is from ${from}. \`backend-ai context\` lists the controllers that you know; --context chooses one.` };

const notOurs = (server: URL, status?: number): Problem =>
  error(
    "client/not-ours",
    `Unable to understand the answer of ${server.origin}${status === undefined ? "" : ` (HTTP ${status})`}: it is not a Backend AI controller`,
    { hint: "Is the address right? See `backend-ai context`." },
  );

/** Why there was no answer, or not all of one, and what to start. */
function unreachable(thrown: unknown, server: URL): Problem {
  const cause = thrown as NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] };
  const code = cause.code ?? cause.errors?.[0]?.code ?? "",
    unable = `Unable to reach the controller at ${server.origin}`;
  if (code === "ECONNREFUSED")
    return error("client/refused", `${unable}: nothing listens there`, {
      hint: "Start it with `backend-ai controller`, try it out with `backend-ai sandbox`, or name another one with --server.",
      retry: "later",
    });
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return error("client/unknown-host", `${unable}: there is no machine of this name`);
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/.test(code))
    return error("client/certificate", `${unable}: its certificate is not trusted (${code})`, {
      hint: "Name the CA of the controller: `backend-ai context add NAME --server URL --ca FILE`.",
    });
  if (code === "EPROTO" || /wrong version number|SSL routines/.test(cause.message))
    return error("client/no-tls", `${unable}: it does not speak TLS`, { hint: `Is it http://${server.host}?` });
  return error("client/unreachable", `${unable}: ${cause.message || code || "no connection"}`, { retry: "later" });
}
