import http from "node:http";
import https from "node:https";
import { maxPollBody, pollHoldMs } from "../../schemas/protocol.ts";
import { type Clock, pause } from "./clock.ts";
import { checked, type Credentials, patience, type Trust } from "./credentials.ts";
import { createHandover } from "./handover.ts";
import { reasonOf } from "./log.ts";
import { HttpRefusal, postJson } from "./post-json.ts";
import type { Transport } from "./transport.ts";

/** What a connection by polls needs. */
export interface PollNeeds {
  readonly trust: Trust;
  readonly credentials: Credentials;
  readonly clock: Clock;
}

/** Characters and messages of one request at most, if it is more than one message. */
const batchText = 256 * 1024,
  batchCount = 500;
/** The controller holds a request for `pollHoldMs`; so much longer is too long. */
const slackMs = 10_000;
/** A connection of which no request comes through for so long is lost. */
const lostMs = 15_000;
const longestWaitMs = 2_000;
const farewellMs = 1_000;

/** Opens a connection by HTTP long polling at a controller's base address; throws where it cannot. */
export async function openPolling(base: string, { trust, credentials, clock }: PollNeeds, signal: AbortSignal): Promise<Transport> {
  const plain = base.startsWith("http:"),
    agent = plain ? new http.Agent({ keepAlive: true, maxSockets: 2 }) : new https.Agent({ keepAlive: true, maxSockets: 2, ...trust });
  const over = new AbortController();
  let address = `${base}/agent/v1/poll`;

  const post = async (act: string, body: unknown, timeoutMs: number, stop: AbortSignal): Promise<unknown> => {
    const bearer = await credentials.bearer(base, agent, stop);
    return postJson(`${address}${act}`, body, {
      ...trust,
      agent,
      bearer,
      maxAnswer: maxPollBody,
      signal: AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)]),
    });
  };

  /** Tries until it is answered: a request that is cut is told again, and has its numbers by which nothing happens twice. */
  const surely = async (act: string, body: unknown): Promise<unknown> => {
    let renewed = false;
    for (let attempt = 0, failingSince: number | undefined; ; attempt++) {
      try {
        return await post(act, body, pollHoldMs + slackMs, over.signal);
      } catch (failure) {
        if (over.signal.aborted) throw failure;
        if (failure instanceof HttpRefusal && failure.status === 401 && !renewed) {
          renewed = true;
          credentials.forget();
          continue;
        }
        failingSince ??= clock.now();
        if (isFinal(failure) || clock.now() - failingSince > lostMs) throw failure;
        await pause(clock, Math.random() * Math.min(longestWaitMs, 100 * 2 ** attempt), over.signal);
      }
    }
  };

  const abort = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
  try {
    const { connection } = checked("answer opened", await post("", {}, patience, abort));
    address += `/${connection}`;
  } catch (failure) {
    if (failure instanceof HttpRefusal) credentials.forget();
    agent.destroy();
    throw failure;
  }

  const out: string[] = [];
  let buffered = 0,
    firstOut = 1,
    nextIn = 1,
    sending = false;
  const handover = createHandover();
  let closed: string | undefined;

  const end = (reason: string): void => {
    if (handover.ended()) return;
    closed = reason;
    over.abort();
    agent.destroy();
    handover.end(reason);
  };
  const lost = (failure: unknown): void => {
    if (failure instanceof HttpRefusal && (failure.status === 401 || failure.status === 403)) credentials.forget();
    if (closed === undefined) end(refusedAs(failure) ?? `connection lost: ${reasonOf(failure)}`);
  };

  const batch = (): string[] => {
    let size = 0,
      count = 0;
    while (count < out.length && count < batchCount && (count === 0 || size + out[count]!.length <= batchText))
      size += out[count++]!.length;
    return out.slice(0, count);
  };
  const sendAll = async (): Promise<void> => {
    if (sending) return;
    sending = true;
    // What else is said in this turn goes along.
    await Promise.resolve();
    try {
      while (out.length > 0 && closed === undefined) {
        const messages = batch(),
          { next } = checked("answer sent", await surely("/send", { from: firstOut, messages }));
        if (next < firstOut || next > firstOut + messages.length) throw new Error("the controller took other messages than were sent");
        for (const text of out.splice(0, next - firstOut)) buffered -= text.length;
        firstOut = next;
      }
    } catch (failure) {
      lost(failure);
    } finally {
      sending = false;
    }
  };
  const receiveAll = async (): Promise<void> => {
    try {
      while (closed === undefined) {
        const { from, messages, closed: reason } = checked("answer received", await surely("/receive", { from: nextIn }));
        if (from > nextIn) throw new Error("the controller left out messages");
        for (const text of messages.slice(nextIn - from)) {
          nextIn++;
          if (closed === undefined) handover.message(text);
        }
        if (reason !== undefined && closed === undefined) return end(reason);
      }
    } catch (failure) {
      lost(failure);
    }
  };
  void receiveAll();

  return {
    get buffered() {
      return buffered;
    },
    send(text) {
      if (closed !== undefined) return;
      out.push(text);
      buffered += text.length;
      void sendAll();
    },
    onMessage: handover.onMessage,
    onClose: handover.onClose,
    close(reason = "") {
      if (closed !== undefined) return;
      closed = reason;
      over.abort();
      const farewell = { from: firstOut, messages: batch(), close: reason.slice(0, 200) };
      void post("/send", farewell, farewellMs, new AbortController().signal)
        .catch(() => {})
        .then(() => end(reason));
    },
  };
}

/** The word with which the controller refuses who it does not want any more: `revoked`, as it closes a WebSocket with; undefined for anything else. */
const refusedAs = (failure: unknown): string | undefined =>
  failure instanceof HttpRefusal && failure.status === 403
    ? /^identity\/(.+)$/.exec(String((failure.body as { code?: unknown } | undefined)?.code))?.[1]
    : undefined;

/** Whether trying again can help nobody: the connection is over, or its agent not wanted. A controller or a proxy that restarts is waited for. */
const isFinal = (failure: unknown): boolean =>
  failure instanceof HttpRefusal && failure.status < 500 && failure.status !== 408 && failure.status !== 429;
