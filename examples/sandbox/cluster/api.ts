import type { IncomingHttpHeaders } from "node:http";
import { type Auth, Unauthorized } from "./auth.ts";
import { type Endpoints, Listed, pathParameters, PlainText } from "./endpoint.ts";
import { checked } from "./parameters.ts";
import { requirePermission, type Who } from "./permissions.ts";
import { failed, Refused, textOf } from "./refused.ts";
import { BadRequest, type Given } from "./request.ts";
import { route } from "./route.ts";
import { type Node, type State, waitFor } from "./state.ts";

/** A request as the HTTP layer hands it on; the body is read when somebody wants it. */
export interface ApiRequest {
  readonly method: string;
  /** Decoded, without the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly given: () => Promise<Given>;
  readonly via: Node;
}

/** What goes back: `text` stands in the status line. */
export interface ApiAnswer {
  readonly status: number;
  readonly text: string;
  readonly body: string;
  readonly json: boolean;
  readonly close: boolean;
}

export type Api = (request: ApiRequest) => Promise<ApiAnswer>;

const methods = ["GET", "POST", "PUT", "DELETE"];
const nobody: Who = { id: "", user: "", token: undefined, isRoot: false };
/** Each daemon has this many workers by default; others wait until one is free. */
export const workersPerNode = 3;

/** Answers requests from the table of endpoints, in the order in which pveproxy and pvedaemon look at them. */
export function api(state: State, auth: Auth, table: Endpoints, workers: (node: string) => Slots): Api {
  const find = route(table, state.major);

  const call = async (request: ApiRequest, path: string, who: Who | undefined): Promise<unknown> => {
    const { method, via } = request;
    const found = find(method, path);
    if (found === undefined) throw new Refused(501, `Method '${method} ${path}' not implemented`);
    const { endpoint, parts } = found;
    const { params: given, json } = await request.given();
    const merged = { ...given, ...parts },
      caller = who ?? nobody;
    requirePermission(state, caller, endpoint.permission, merged);
    const node = await nodeOf(parts["node"], via);
    return workers(node.name)(async () => {
      if (method !== "GET" && endpoint.withoutQuorum !== true && !state.quorate) {
        await waitFor(state, state.pace.quorumWait);
        throw failed("cluster not ready - no quorum?");
      }
      const own = Object.fromEntries(Object.keys(parts).map((name) => [name, endpoint.parameters[name] ?? pathParameters[name]!]));
      const params = checked({ ...endpoint.parameters, ...own }, merged, json);
      return endpoint.handle({ state, who: caller, node, via, params, given: Object.keys(given) });
    });
  };

  const nodeOf = async (name: string | undefined, via: Node): Promise<Node> => {
    if (name === undefined || name === "localhost") return via;
    const node = state.nodes.get(name);
    if (node === undefined)
      throw failed(`hostname lookup '${name}' failed - failed to get address info for: ${name}: Temporary failure in name resolution`);
    if (node.online) return node;
    await waitFor(state, state.pace.offline);
    throw new BadRequest(595, "No route to host", false);
  };

  const identify = async (request: ApiRequest, path: string): Promise<Who | undefined> => {
    if (find(request.method, path)?.endpoint.permission === "world") return undefined;
    try {
      return auth.identify(request.headers, request.method !== "GET");
    } catch (refusal) {
      await waitFor(state, state.pace.refusal);
      throw refusal;
    }
  };

  return async (request) => {
    const [, format, below] = /^\/api2\/(json|extjs)(\/.*)?$/.exec(request.path) ?? [];
    const path = (below ?? "").replace(/\/+/g, "/").replace(/\/$/, "");
    try {
      if (!methods.includes(request.method)) throw new BadRequest(501, `method '${request.method}' not available`, false);
      if (format === undefined) throw new BadRequest(500, `no such file '${request.path}'`);
      const who = await identify(request, path);
      return answered(await call(request, path, who), format);
    } catch (thrown) {
      return refused(thrown, format);
    }
  };
}

function answered(result: unknown, format: string): ApiAnswer {
  if (result instanceof PlainText) return { status: 200, text: "OK", body: result.text, json: false, close: false };
  const data =
    result instanceof Listed && result.total > 0
      ? { data: result.data, total: result.total }
      : { data: (result instanceof Listed ? result.data : result) ?? null };
  return { status: 200, text: "OK", body: JSON.stringify(format === "extjs" ? { ...data, success: 1 } : data), json: true, close: false };
}

function refused(thrown: unknown, format: string | undefined): ApiAnswer {
  const message = textOf(thrown);
  if (thrown instanceof Unauthorized) return { status: 401, text: message, body: "", json: false, close: true };
  if (thrown instanceof BadRequest)
    return { status: thrown.status, text: message, body: thrown.body ? `${message}\n` : "", json: false, close: true };
  const status = thrown instanceof Refused ? thrown.status : 500,
    errors = thrown instanceof Refused ? thrown.errors : undefined;
  const said = status === 501 ? message : `${message}\n`;
  const body = { data: null, message: said, ...(errors === undefined ? {} : { errors }) };
  if (format === "extjs")
    return { status: 200, text: "OK", body: JSON.stringify({ ...body, status, success: 0 }), json: true, close: false };
  return { status, text: message, body: JSON.stringify(body), json: true, close: status === 401 };
}

/** Runs work when one of a number of slots is free. */
export type Slots = <T>(work: () => Promise<T>) => Promise<T>;

/** Makes slots; who comes first is served first. */
export function slots(count: number): Slots {
  let free = count;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((start) => waiting.push(start));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
