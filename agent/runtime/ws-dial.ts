import https from "node:https";
import type { SecureContext } from "node:tls";
import type { Static } from "typebox";
import WebSocket from "ws";
import { type ChallengeAnswer, maxMessage, type TokenAnswer } from "../../schemas/protocol.ts";
import type { Clock } from "./clock.ts";
import { challengeSigner, type Identity } from "./identity.ts";
import { HttpRefusal, postJson } from "./post-json.ts";
import type { Dial, Transport } from "./transport.ts";
import { wrongWith } from "./validate.ts";

const patience = 10_000;

export interface WsDialOptions {
  readonly identity: Identity;
  readonly clock: Clock;
  /** One context for many agents of a process; without it each makes its own from the identity's authority. */
  readonly secureContext?: SecureContext;
}

/** Opens WebSockets to controllers: a signed challenge buys a short-lived JWT, kept while it is good, and the JWT opens the connection. */
export function wsDial({ identity, clock, secureContext }: WsDialOptions): Dial {
  const sign = challengeSigner(identity);
  const tls = secureContext !== undefined ? { secureContext } : identity.ca === "" ? {} : { ca: identity.ca };
  let token: Static<typeof TokenAnswer> | undefined;

  const fetchToken = async (base: string, agent: https.Agent, outer: AbortSignal): Promise<Static<typeof TokenAnswer>> => {
    const options = { ...tls, agent, signal: AbortSignal.any([outer, AbortSignal.timeout(patience)]) };
    const challenge = checked(
      "answer challenge",
      await postJson(`${base}/agent/v1/challenge`, { agent: identity.agent }, options),
    ) as Static<typeof ChallengeAnswer>;
    const { nonce } = challenge,
      { machineId, hardwareId } = identity;
    const request = {
      agent: identity.agent,
      nonce,
      signature: sign("token", nonce),
      machineId,
      ...(hardwareId === undefined ? {} : { hardwareId }),
    };
    return checked("answer token", await postJson(`${base}/agent/v1/token`, request, options)) as Static<typeof TokenAnswer>;
  };

  return async (base, signal) => {
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ...tls });
    try {
      if (token === undefined || token.expiresAt < clock.now() + 30_000) token = await fetchToken(base, agent, signal);
      return await open(
        `${base.replace(/^http/, "ws")}/agent/v1/connect`,
        token.jwt,
        { ...tls, ...(base.startsWith("https:") ? { agent } : {}) },
        signal,
      );
    } catch (failure) {
      if (failure instanceof HttpRefusal) token = undefined;
      throw failure;
    } finally {
      agent.destroy();
    }
  };
}

function checked(name: "answer challenge" | "answer token", value: unknown): unknown {
  const wrong = wrongWith(name, value);
  if (wrong !== undefined) throw new Error(`the controller's answer is not one of our protocol (${wrong})`);
  return value;
}

function open(url: string, jwt: string, tls: object, signal: AbortSignal): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, {
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
      socket.terminate();
      reject(new HttpRefusal(response.statusCode ?? 0, undefined));
    });
    socket.on("error", (failure) => {
      settled();
      reject(failure);
    });
    socket.once("close", () => reject(new Error("the connection was closed")));
  });
}

function transportOver(socket: WebSocket): Transport {
  let early: string[] | undefined = [];
  let handler = (text: string): void => void early?.push(text);
  let closed: string | undefined;
  let tell: ((reason: string) => void) | undefined;
  socket.on("message", (data, binary) => {
    if (!binary) handler(String(data));
  });
  let fault: string | undefined;
  socket.on("error", (failure) => {
    fault = failure.message;
  });
  socket.on("close", (code, reason) => {
    closed = fault ?? (reason.length > 0 ? reason.toString().slice(0, 200) : `code ${code}`);
    tell?.(closed);
  });
  return {
    get buffered() {
      return socket.bufferedAmount;
    },
    send(text) {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    onMessage(next) {
      handler = next;
      const kept = early ?? [];
      early = undefined;
      for (const text of kept) next(text);
    },
    onClose(next) {
      tell = next;
      if (closed !== undefined) next(closed);
    },
    close(reason = "") {
      if (socket.readyState === WebSocket.OPEN) socket.close(1000, reason.slice(0, 120));
      const timer = setTimeout(() => socket.terminate(), 2000);
      socket.once("close", () => clearTimeout(timer));
    },
  };
}
