import type { WebSocket } from "ws";
import { type CloseReason, closeCodes, type Transport } from "../../schemas/transport.ts";

/** How long the other side may take to close, before the socket is cut. */
const farewellMs = 2_000;

/** The server's end of a WebSocket as a transport. Binary frames are handed on as an empty text, which is no message. */
export function overWebSocket(socket: WebSocket): Transport {
  // What goes wrong on a socket (a frame over size, a reset) ends in `close`; without a listener it would end the process.
  socket.on("error", () => {});
  return {
    get buffered() {
      return socket.bufferedAmount;
    },
    send(text) {
      if (socket.readyState === socket.OPEN) socket.send(text);
    },
    onMessage: (handler) => void socket.on("message", (data, binary) => handler(binary ? "" : String(data))),
    onClose: (handler) => void socket.on("close", (code, reason) => handler(wordOf(code, String(reason)))),
    close(reason = "") {
      // A peer that reads nothing would never see the close frame behind what waits already.
      if (reason === "silent" || socket.bufferedAmount > 65_536) return socket.terminate();
      socket.resume();
      socket.close(closeCodes[reason as CloseReason] ?? 1000, reason);
      const timer = setTimeout(() => socket.terminate(), farewellMs);
      socket.once("close", () => clearTimeout(timer));
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
  };
}

const wordOf = (code: number, reason: string): string =>
  reason !== "" ? reason.slice(0, 120) : code === 1009 ? "too-large" : code === 1006 ? "connection lost" : `code ${code}`;
