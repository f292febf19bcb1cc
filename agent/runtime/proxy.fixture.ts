import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, request } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";

/** What becomes of an upgrade: the header is taken away, it is refused with a status, hangs, is cut, opens and carries nothing, or passes. */
export type OnUpgrade = "strip" | "hang" | "cut" | "mute" | "pass" | number;
/** What becomes of any other request: it passes, is cut before the other side gets it, or is cut before its answer comes back. */
export type OnRequest = "pass" | "cut request" | "cut answer";

/** A real HTTP proxy that ends TLS, with one foot in each of two networks. */
export interface Proxy {
  readonly url: string;
  /** Upgrades that were asked for. */
  upgrades: number;
  /** Paths of the other requests, in order. */
  readonly paths: string[];
  onUpgrade: OnUpgrade;
  onRequest: (path: string) => OnRequest;
  close(): void;
}

/** Starts one before `upstream`, with a certificate of the authority that both sides trust. */
export async function startProxy(
  upstream: string,
  tls: { readonly cert: string; readonly key: string; readonly ca: string },
  onUpgrade: OnUpgrade,
  at: { readonly host: string; readonly port: number } = { host: "127.0.0.1", port: 0 },
): Promise<Proxy> {
  const { port, hostname: host } = new URL(upstream),
    server = createServer({ cert: tls.cert, key: tls.key }),
    open = new Set<Socket>();
  const forward = (asked: IncomingMessage, answer: ServerResponse, what: OnRequest): void => {
    if (what === "cut request") return void asked.socket.destroy();
    const { upgrade: _, connection: __, ...headers } = asked.headers;
    const onward = request({ host, port, ca: tls.ca, method: asked.method, path: asked.url, headers, agent: false }, (reply) => {
      if (what === "cut answer") {
        reply.resume();
        return void asked.socket.destroy();
      }
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(answer);
    });
    onward.on("error", () => answer.writeHead(502).end());
    answer.once("close", () => onward.destroy());
    asked.pipe(onward);
  };
  const proxy: Proxy = {
    url: "",
    upgrades: 0,
    paths: [],
    onUpgrade,
    onRequest: () => "pass",
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
  server.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => open.delete(socket));
  });
  server.on("request", (asked, answer) => {
    const path = asked.url ?? "";
    proxy.paths.push(path);
    forward(asked, answer, proxy.onRequest(path));
  });
  server.on("upgrade", (asked: IncomingMessage, socket: TLSSocket, head: Buffer) => {
    proxy.upgrades++;
    socket.on("error", () => {});
    const what = proxy.onUpgrade;
    if (what === "hang") return;
    if (what === "cut") return void socket.destroy();
    if (typeof what === "number") return void socket.end(`HTTP/1.1 ${what} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
    const hop = what === "strip" ? /^(upgrade|connection|sec-websocket-)/i : /^$/,
      lines = Object.entries(asked.headers).filter(([name]) => !hop.test(name));
    const onward = connect({ host, port: Number(port), ca: tls.ca }, () => {
      onward.write(`GET ${asked.url} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${String(value)}\r\n`).join("")}\r\n`);
      onward.write(head);
      onward.once("data", (first: Buffer) => {
        socket.write(first);
        if (what !== "mute") onward.pipe(socket);
        if (what !== "mute") socket.pipe(onward);
      });
    });
    onward.on("error", () => socket.destroy());
    onward.once("close", () => socket.destroy());
    socket.once("close", () => onward.destroy());
  });
  server.listen(at.port, at.host);
  await once(server, "listening");
  return Object.assign(proxy, { url: `https://${at.host}:${(server.address() as AddressInfo).port}` });
}
