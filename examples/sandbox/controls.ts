import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ProblemError } from "../../schemas/problem.ts";
import { failure } from "../../agent/platform/failure.ts";
import { nearest } from "../../schemas/selector/nearest.ts";
import { breakSomething, faults } from "./faults.ts";
import type { PretendFleet } from "./fleet.ts";

/** The largest request, in bytes. */
const maxBody = 65_536;

/** A local address at which the fleet can be broken; see `serveControls`. */
export interface Controls {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves `POST /sandbox/break {host, what, who?}` and `GET /sandbox/faults` on 127.0.0.1; `port` 0 takes a free one. Answers `{did}` or `{problem}`.
 * It takes JSON alone and no other Host than its own address, so that no web page can reach it.
 */
export async function serveControls(fleet: PretendFleet, port = 0): Promise<Controls> {
  const server = createServer((request, response) => void answer(fleet, request, response));
  server.requestTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => closed(server) };
}

const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });

async function answer(fleet: PretendFleet, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const say = (status: number, body: unknown): void =>
    void response.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(body)}\n`);
  try {
    if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? ""))
      return say(403, { problem: { summary: "Unable to answer: this address is local" } });
    const what = `${request.method} ${request.url}`;
    if (what === "GET /sandbox/faults") return say(200, { faults: Object.values(faults).map(({ usage, does }) => ({ usage, does })) });
    if (what !== "POST /sandbox/break") return say(404, { problem: { summary: `Unable to ${what}: there is no such thing here` } });
    if (!/^application\/json\b/.test(request.headers["content-type"] ?? ""))
      return say(415, { problem: { summary: "Unable to read the request: it is not application/json" } });
    say(200, { did: await breakAsAsked(fleet, await readBody(request)) });
  } catch (cause) {
    if (cause instanceof ProblemError) return say(400, { problem: cause.problems[0] });
    say(500, { problem: { summary: cause instanceof Error ? cause.message : String(cause) } });
  }
}

/** Does what a request `{host, what, who?}` says. */
export async function breakAsAsked(fleet: PretendFleet, body: unknown): Promise<string> {
  const { host: name, what, who } = (body ?? {}) as { host?: unknown; what?: unknown; who?: unknown };
  if (
    typeof name !== "string" ||
    typeof what !== "string" ||
    (who !== undefined && (typeof who !== "string" || !/^[a-z][a-z0-9_-]{0,31}$/.test(who)))
  )
    throw failure("sandbox/usage", "Unable to break anything: the request is not { host, what, who? }");
  const host = fleet.get(name);
  if (host !== undefined) return breakSomething(host, what, who);
  const near = nearest(
    name,
    fleet.hosts.map((each) => each.host.name),
  );
  throw failure("sandbox/no-host", `Unable to break ${name}: the sandbox has no such host`, {
    hint: near === undefined ? undefined : `Did you mean ${near}?`,
  });
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBody) throw failure("sandbox/usage", `Unable to read the request: it is larger than ${maxBody} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw failure("sandbox/usage", "Unable to read the request: it is not JSON");
  }
}
