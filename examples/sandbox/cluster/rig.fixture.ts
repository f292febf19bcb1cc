import { Agent, request } from "node:https";
import type { TLSSocket } from "node:tls";
import { createPretendCluster, type PretendCluster, type PretendClusterOptions } from "./pretend-cluster.ts";

export interface Reply {
  readonly status: number;
  readonly statusText: string;
  readonly data: unknown;
  readonly errors: Readonly<Record<string, string>> | undefined;
  readonly text: string;
  readonly fingerprint: string;
}

/** A pretend cluster with a plain HTTPS client: what it says is seen as it comes. */
export interface Rig {
  readonly cluster: PretendCluster;
  /** Asks a node, with the full token unless other headers are given. */
  ask(method: string, path: string, params?: Readonly<Record<string, string | number>>, how?: How): Promise<Reply>;
  /** The same; answers data and throws on refusals. */
  get(path: string): Promise<never>;
  /** Starts a task and waits for its end; answers its exit status. */
  run(method: string, path: string, params?: Readonly<Record<string, string | number>>): Promise<string>;
  config(path: string): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

export interface How {
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly via?: number | undefined;
  readonly body?: string | undefined;
  readonly type?: string | undefined;
}

export const bearing = ({ token, secret }: { readonly token: string; readonly secret: string }): Record<string, string> => ({
  Authorization: `PVEAPIToken=${token}=${secret}`,
});

/** Everything takes a hundredth of its time, unless said otherwise. */
export async function rig(options: PretendClusterOptions = {}): Promise<Rig> {
  const cluster = await createPretendCluster({ speed: 100, ...options });
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false });

  const ask: Rig["ask"] = (method, path, params = {}, { headers = bearing(cluster.credentials.full), via = 0, body, type } = {}) => {
    const form = new URLSearchParams(Object.entries(params).map(([key, value]): [string, string] => [key, String(value)])).toString(),
      inQuery = method === "GET" || method === "DELETE";
    const sent = body ?? (inQuery || form === "" ? undefined : form);
    const { host, port } = cluster.endpoints[via]!;
    return new Promise((resolve, fail) => {
      const going = request({
        host,
        port,
        agent,
        method,
        path: `/api2/json${path}${inQuery && form !== "" ? `?${form}` : ""}`,
        headers: {
          ...headers,
          ...(sent === undefined
            ? {}
            : { "Content-Type": type ?? "application/x-www-form-urlencoded", "Content-Length": Buffer.byteLength(sent) }),
        },
      });
      going.once("error", fail);
      going.once("response", (answer) => {
        const chunks: Buffer[] = [];
        const fingerprint = (answer.socket as TLSSocket).getPeerX509Certificate()?.fingerprint256 ?? "";
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.once("error", fail);
        answer.once("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          const json = text.startsWith("{") ? (JSON.parse(text) as { data?: unknown; errors?: Record<string, string> }) : {};
          resolve({
            status: answer.statusCode ?? 0,
            statusText: answer.statusMessage ?? "",
            data: json.data,
            errors: json.errors,
            text,
            fingerprint,
          });
        });
      });
      going.end(sent);
    });
  };
  const demand = async (method: string, path: string, params?: Readonly<Record<string, string | number>>): Promise<unknown> => {
    const { status, statusText, data, errors } = await ask(method, path, params);
    if (status !== 200) throw new Error(`${method} ${path}: ${status} ${statusText} ${JSON.stringify(errors)}`);
    return data;
  };
  return {
    cluster,
    ask,
    get: (path) => demand("GET", path) as Promise<never>,
    async run(method, path, params) {
      const upid = String(await demand(method, path, params));
      await cluster.state.tasks.all.get(upid)!.ended;
      return cluster.state.tasks.all.get(upid)!.exitstatus!;
    },
    config: (path) => demand("GET", `${path}/config`) as Promise<Record<string, unknown>>,
    async close() {
      agent.destroy();
      await cluster.close();
    },
  };
}
