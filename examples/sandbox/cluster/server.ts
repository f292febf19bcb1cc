import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { Api, ApiAnswer } from "./api.ts";
import type { Certified } from "../../../controller/hub/ca.ts";
import type { Troubles } from "./faults.ts";
import { BadRequest, readGiven } from "./request.ts";
import { type Node, type State, waitFor } from "./state.ts";

/** One node's API on a port of its own. */
export interface NodeServer {
  readonly port: number;
  close(): Promise<void>;
}

/** A header of more than this ends the connection, after a while. */
const maxHeader = 8192;
const headerPatienceMs = 5000;

/** Serves a node over TLS on 127.0.0.1; a node that is offline breaks every connection. */
export async function serveNode(
  {
    state,
    api,
    troubles,
    node,
    port,
  }: { readonly state: State; readonly api: Api; readonly troubles: Troubles; readonly node: Node; readonly port: number },
  certificate: Certified,
): Promise<NodeServer> {
  const sockets = new Set<Duplex>();
  const server = createServer(
    { cert: certificate.cert, key: certificate.key, maxHeaderSize: 16 * maxHeader, keepAlive: true },
    (request, response) => {
      void handle(request, response).catch(() => request.socket.destroy());
    },
  );
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    if (!node.online) socket.destroy();
  });
  server.on("clientError", (_, socket) => socket.destroy());
  server.on("tlsClientError", (_, socket) => socket.destroy());

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (!node.online) return void request.socket.destroy();
    const [rawPath = "/", ...query] = (request.url ?? "/").split("?"),
      path = decoded(rawPath),
      method = request.method ?? "GET";
    const trouble = troubles.meet({ method, path: path.replace(/^\/api2\/json/, ""), via: node.name });
    if (Object.values(request.headers).some((value) => String(value).length > maxHeader)) {
      await waitFor(state, headerPatienceMs);
      return void request.socket.destroy();
    }
    if (trouble.delayMs !== undefined) await waitFor(state, trouble.delayMs);
    if (trouble.cut === "before") return void request.socket.destroy();
    if (trouble.status !== undefined) {
      const { code, text } = trouble.status;
      return send(response, { status: code, text, body: "", json: false, close: true });
    }
    if (trouble.refuse !== undefined) {
      const { message } = trouble.refuse;
      return send(response, {
        status: 500,
        text: message,
        body: JSON.stringify({ data: null, message: `${message}\n` }),
        json: true,
        close: false,
      });
    }
    const answer = await api({
      method,
      path,
      headers: request.headers,
      given: () => readGiven(request, query.join("?")),
      via: node,
    });
    if (trouble.cut === "after" || !node.online) return void request.socket.destroy();
    if (!request.complete) request.resume();
    send(response, answer);
  };

  await new Promise<void>((ready, fail) => {
    server.once("error", fail);
    server.listen(port, "127.0.0.1", ready);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function send(response: ServerResponse, { status, text, body, json, close }: ApiAnswer): void {
  if (response.destroyed) return;
  response.sendDate = true;
  response.writeHead(status, text.replace(/[^\t\x20-\x7e\x80-\xff]/g, " "), {
    Server: "pve-api-daemon/3.0",
    "Cache-Control": "max-age=0",
    Pragma: "no-cache",
    Connection: close ? "close" : "Keep-Alive",
    ...(body === "" ? {} : { "Content-Type": json ? "application/json;charset=UTF-8" : "text/plain" }),
    "Content-Length": Buffer.byteLength(body),
  });
  response.end(body);
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new BadRequest(400, "bad request");
  }
}
