import type { ServerResponse } from "node:http";
import { setImmediate, setTimeout } from "node:timers/promises";
import { errorBody } from "./api-error.ts";
import { type Event, eventsOf } from "./events.ts";
import type { Composed } from "./message.ts";
import type { Delivery, Place } from "./script.ts";
import { split } from "./split.ts";

const DELTA_CHARACTERS = 16;

const pause = (ms: number | undefined) => (ms === undefined ? undefined : setTimeout(ms, undefined, { ref: false }));

/** Sends a message as one JSON body. */
export async function deliverWhole(
  response: ServerResponse,
  headers: Record<string, string>,
  composed: Composed,
  how: Delivery,
): Promise<void> {
  await open(response, { ...headers, "content-type": "application/json" }, how);
  await write(response, JSON.stringify(composed.message), how);
  response.end();
}

/** Sends a message as server-sent events, with all that the delivery says is to go wrong. Returns `reset` when the caller is to reset the connection. */
export async function deliverStream(
  response: ServerResponse,
  headers: Record<string, string>,
  composed: Composed,
  how: Delivery,
): Promise<"done" | "reset"> {
  await open(response, { ...headers, "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" }, how);
  let sent = 0;
  for (const event of withUnknown(eventsOf(composed, how.deltaCharacters ?? DELTA_CHARACTERS), how)) {
    if (response.destroyed) return "done";
    if (isAt(how.cutBefore?.place, sent, event)) return await cut(response, how.cutBefore?.how);
    if (isAt(how.errorBefore?.place, sent, event)) return await fail(response, headers, how);
    if (sent > 0) await pause(how.betweenEventsMs);
    await write(response, `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`, how);
    sent += 1;
  }
  response.end();
  return "done";
}

async function open(response: ServerResponse, headers: Record<string, string>, how: Delivery): Promise<void> {
  await pause(how.headersAfterMs);
  response.writeHead(200, headers);
  response.flushHeaders();
  await pause(how.firstByteAfterMs);
}

async function write(response: ServerResponse, text: string, how: Delivery): Promise<void> {
  for (const piece of split(Buffer.from(text), how.split)) {
    if (response.destroyed) return;
    response.write(piece);
    if (how.split !== undefined) await setImmediate();
  }
}

function isAt(place: Place | undefined, sent: number, event: Event): boolean {
  return place !== undefined && (place === event.type || place === sent);
}

function* withUnknown(events: Iterable<Event>, how: Delivery): Iterable<Event> {
  for (const event of events) {
    yield event;
    if (how.unknownEvents === true) yield { type: "content_block_weather", index: 0, forecast: "unknown to every client" };
  }
}

/** Ends without `message_stop`. Before a reset it waits, so that what was written arrives. */
async function cut(response: ServerResponse, how: "end" | "reset" | undefined): Promise<"done" | "reset"> {
  if (how === "reset") await pause(20);
  else response.end();
  return how === "reset" ? "reset" : "done";
}

async function fail(response: ServerResponse, headers: Record<string, string>, how: Delivery): Promise<"done"> {
  const type = how.errorBefore?.type ?? "api_error";
  const body = errorBody({ type, message: how.errorBefore?.message ?? "Scripted fault" }, headers["request-id"] ?? "");
  await write(response, `event: error\ndata: ${JSON.stringify(body)}\n\n`, how);
  response.end();
  return "done";
}
