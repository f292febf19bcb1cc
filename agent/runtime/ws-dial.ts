import type { Agent as HttpsAgent } from "node:https";
import type { IncomingMessage } from "node:http";
import WebSocket from "ws";
import { maxMessage } from "../../schemas/protocol.ts";
import { patience, type Trust } from "./credentials.ts";
import { createHandover } from "./handover.ts";
import { HttpRefusal } from "./post-json.ts";
import type { Transport } from "./transport.ts";

const maxRefusal = 16 * 1024;

/** Opens a WebSocket at a controller's base address; throws where it cannot, an HttpRefusal where somebody answered otherwise. */
export function openWebSocket(
  base: string,
  jwt: string,
  tls: Trust & { readonly agent?: HttpsAgent | undefined },
  signal: AbortSignal,
): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${base.replace(/^http/, "ws")}/agent/v1/connect`, {
      headers: { authorization: `Bearer ${jwt}` },
      perMessageDeflate: false,
      maxPayload: maxMessage,
      handshakeTimeout: patience,
      followRedirects: false,
      ...tls,
    });
    const giveUp = () => socket.terminate();
    signal.addEventListener("abort", giveUp, { once: true });
    const settled = () => signal.removeEventListener("abort", giveUp);
    socket.once("open", () => {
      settled();
      resolve(transportOver(socket));
    });
    socket.once("unexpected-response", (_request, response) => {
      settled();
      void refusalOf(response).then((refusal) => {
        reject(refusal);
        socket.terminate();
      });
    });
    socket.on("error", (failure) => {
      settled();
      reject(failure);
    });
    socket.once("close", () => reject(new Error("the connection was closed")));
  });
}

/** Who refused: the controller says so in a problem, anything between does not. */
async function refusalOf(response: IncomingMessage): Promise<HttpRefusal> {
  const parts: Buffer[] = [];
  let size = 0;
  response.setTimeout(2_000, () => response.destroy());
  try {
    for await (const part of response as AsyncIterable<Buffer>) {
      parts.push(part);
      if ((size += part.length) > maxRefusal) break;
    }
    return new HttpRefusal(response.statusCode ?? 0, JSON.parse(Buffer.concat(parts).toString("utf8")));
  } catch {
    return new HttpRefusal(response.statusCode ?? 0, undefined);
  }
}

function transportOver(socket: WebSocket): Transport {
  const handover = createHandover();
  socket.on("message", (data, binary) => {
    if (!binary) handover.message(String(data));
  });
  let fault: string | undefined;
  socket.on("error", (failure) => {
    fault = failure.message;
  });
  socket.on("close", (code, reason) => {
    handover.end(fault ?? (reason.length > 0 ? reason.toString().slice(0, 200) : `code ${code}`));
  });
  return {
    get buffered() {
      return socket.bufferedAmount;
    },
    send(text) {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    onMessage: handover.onMessage,
    onClose: handover.onClose,
    close(reason = "") {
      if (socket.readyState === WebSocket.OPEN) socket.close(1000, reason.slice(0, 120));
      const timer = setTimeout(() => socket.terminate(), 2000);
      socket.once("close", () => clearTimeout(timer));
    },
  };
}
