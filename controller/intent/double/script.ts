import type { IncomingHttpHeaders } from "node:http";
import type Anthropic from "@anthropic-ai/sdk";

/** One block of a scripted answer. `json` is the tool input as it is streamed, for inputs that are cut off or escaped in some way. */
export type AnswerBlock =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "thinking"; readonly thinking: string }
  | { readonly type: "redacted_thinking" }
  | { readonly type: "tool_use"; readonly name: string; readonly id?: string; readonly input?: unknown; readonly json?: string };

/** A place in a stream: the number of events sent before it, or the first event of this name. */
export type Place = number | Anthropic.RawMessageStreamEvent["type"];

/** What goes wrong, or only slowly, while an answer travels. All but the delays need a streamed answer. */
export interface Delivery {
  /** Milliseconds before the status line. */
  readonly headersAfterMs?: number;
  /** Milliseconds between the status line and the first byte of the body. */
  readonly firstByteAfterMs?: number;
  /** Milliseconds between two events. */
  readonly betweenEventsMs?: number;
  /** Characters in one delta; 16 unless told, and 1 splits the escapes inside a tool input. */
  readonly deltaCharacters?: number;
  /** Where pieces of the body end: after every n bytes, inside every multi-byte character, or inside every JSON escape. */
  readonly split?: number | "characters" | "escapes";
  /** Sends events of names that no client knows between the others. */
  readonly unknownEvents?: boolean;
  /** Sends `event: error` at a place and ends, after a status of 200. */
  readonly errorBefore?: { readonly place: Place; readonly type: string; readonly message?: string };
  /** Stops at a place: the body ends as if complete, or the connection is reset. */
  readonly cutBefore?: { readonly place: Place; readonly how: "end" | "reset" };
}

/** One assistant message. `stop_reason` is `tool_use` when a tool is used and `end_turn` otherwise, unless told. */
export interface Answer extends Delivery {
  readonly content: readonly AnswerBlock[];
  readonly stop_reason?: Anthropic.StopReason;
  readonly stop_sequence?: string;
  readonly stop_details?: Anthropic.RefusalStopDetails;
}

/** An answer with an error status; `text` replaces the JSON body, as a proxy in between would. `retryAfter` is in seconds. */
export interface StatusFault {
  readonly status: number;
  readonly type?: string;
  readonly message?: string;
  readonly code?: string;
  readonly retryAfter?: number;
  readonly shouldRetry?: boolean;
  readonly text?: string;
}

/** A connection that is closed before any answer. */
export interface DropFault {
  readonly drop: true;
}

/** What is laid over a request by its number: an error in place of the turn, or a delivery for the turn. */
export type Fault = StatusFault | DropFault | Delivery;

/** A request as a scripted function sees it, after it passed every check. */
interface Asked {
  readonly number: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Anthropic.MessageCreateParams;
}

/** What one `POST /v1/messages` is answered with. */
export type Turn = Answer | StatusFault | DropFault | ((asked: Asked) => Turn | Promise<Turn>);

/** The turns in order. The array is read as it goes, so a test may push to it later. */
export type Script = readonly Turn[];

/** Tells whether a turn or a fault answers in place of a message. */
export function isRefusal(turn: Exclude<Turn, Function> | Fault): turn is StatusFault | DropFault {
  return "status" in turn || "drop" in turn;
}
