import { Agent, fetch, type Response } from "undici";
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
  /** The open answer of a stream. */
  stream(path: string, query: Query, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response>;
  close(): Promise<void>;
}

/** Opens nothing yet: connections are made as they are needed, and trust the endpoint's CA alone where it has one. */
export function createHttp({ server, token, ca }: Endpoint, version: string): Http {
  const pin = ca === undefined ? {} : { connect: { ca, maxCachedSessions: 0 } };
  const dispatcher = new Agent({ ...pin, headersTimeout: 120_000, bodyTimeout: 0 });
  const common = { "user-agent": `backend-ai/${version}`, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
  const send = async (
    method: string,
    path: string,
    options: { query?: Query; body?: unknown; headers?: Readonly<Record<string, string>>; signal?: AbortSignal } = {},
  ): Promise<Response> => {
    const url = new URL(`${server.pathname.replace(/\/$/, "")}${path}`, server);
    for (const [key, value] of Object.entries(options.query ?? {})) if (value !== undefined) url.searchParams.set(key, String(value));
    const body = options.body === undefined ? {} : { body: JSON.stringify(options.body) };
    const headers = {
      accept: "application/json",
      ...common,
      ...(options.body === undefined ? {} : { "content-type": "application/json" }),
      ...options.headers,
    };
    const answer = await fetch(url, {
      method,
      dispatcher,
      headers,
      redirect: "error",
      ...body,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    }).catch((cause: unknown) => {
      if (options.signal?.aborted === true) throw cause;
      throw new ProblemError(unreachable(cause, server), { cause });
    });
    if (!answer.ok) throw new ProblemError(await problemsIn(answer, server));
    return answer;
  };
  const readJson = async <T>(answer: Response): Promise<T> => {
    try {
      return (await answer.json()) as T;
    } catch (cause) {
      throw new ProblemError(notOurs(server), { cause });
    }
  };
  return {
    server,
    get: async (path, query, signal) =>
      readJson(await send("GET", path, { ...(query === undefined ? {} : { query }), ...(signal === undefined ? {} : { signal }) })),
    post: async (path, body) => readJson(await send("POST", path, { body: body ?? {} })),
    delete: async (path) => void (await (await send("DELETE", path)).text()),
    stream: (path, query, headers, signal) => send("GET", path, { query, headers, signal }),
    close: () => dispatcher.destroy(),
  };
}

async function problemsIn(answer: Response, server: URL): Promise<readonly Problem[]> {
  const isProblem = (answer.headers.get("content-type") ?? "").startsWith("application/problem+json");
  const body = isProblem ? ((await answer.json().catch(() => undefined)) as ProblemBody | undefined) : undefined;
  return body !== undefined && Array.isArray(body.problems) && body.problems.length > 0 ? body.problems : [notOurs(server, answer.status)];
}

const notOurs = (server: URL, status?: number): Problem =>
  error(
    "client/not-ours",
    `Unable to understand the answer of ${server.origin}${status === undefined ? "" : ` (HTTP ${status})`}: it is not a Backend AI controller`,
    { hint: "Is the address right? See `backend-ai context`." },
  );

/** Why there was no answer at all, and what to start. */
function unreachable(thrown: unknown, server: URL): Problem {
  const cause = ((thrown as Error).cause ?? thrown) as NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] };
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
  return error("client/unreachable", `${unable}: ${cause.message || code || "no connection"}`, { retry: "later" });
}
