import type { IncomingMessage, ServerResponse } from "node:http";
import type Anthropic from "@anthropic-ai/sdk";
import { type ApiError, apiError } from "./api-error.ts";
import { type Checked, checkBody } from "./check.ts";
import { deliverStream, deliverWhole } from "./deliver.ts";
import { checkHeaders, readBody, routeOf } from "./entrance.ts";
import { compose, type Memory } from "./message.ts";
import { type ModelCard, modelInfo, modelPage } from "./models.ts";
import { tokensOf } from "./prompt.ts";
import { sendFault, sendJson } from "./respond.ts";
import { type Answer, type DropFault, type Fault, isRefusal, type Script, type StatusFault, type Turn } from "./script.ts";
import type { Seen } from "./seen.ts";

/** What all requests to one double share. */
export interface Running {
  readonly key: string;
  readonly script: Script;
  readonly models: readonly ModelCard[];
  readonly faults: Readonly<Record<number, Fault>>;
  readonly now: () => number;
  readonly memory: Memory;
  /** Turns taken from the script so far. */
  turns: number;
  /** Messages asked for so far. */
  asked: number;
}

/** One request with its answer under way; `headers` are those of the answer. */
export interface Exchange {
  readonly running: Running;
  readonly seen: Seen;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly headers: Record<string, string>;
  /** The script breaks the connection, not the client. */
  broken?: true;
}

/** Answers a request, or returns the error that it is to be answered with. */
export async function answer(exchange: Exchange): Promise<ApiError | undefined> {
  const { running, seen, request, response, headers } = exchange;
  const route = routeOf(seen.method, seen.path);
  if (route.to === "none") return apiError(404, "Not found");
  const denied = checkHeaders(request, running.key);
  if (denied !== undefined) return denied;
  if (route.to === "models") return void sendJson(response, 200, headers, modelPage(running.models, route.query));
  if (route.to !== "model") return await answerBody(exchange, route.to === "count_tokens");
  const card = running.models.find(({ id }) => id === route.id);
  return card === undefined ? apiError(404, `model: ${route.id}`) : void sendJson(response, 200, headers, modelInfo(card));
}

async function answerBody(exchange: Exchange, counting: boolean): Promise<ApiError | undefined> {
  const { running, seen, response, headers } = exchange;
  const read = await readBody(exchange.request);
  if ("error" in read) return read.error;
  seen.body = read.body;
  const version = String(seen.headers["anthropic-version"]);
  const betas = String(seen.headers["anthropic-beta"] ?? "").split(/\s*,\s*/);
  const checked = checkBody(read.body, { version, betas, counting }, running.models, running.memory.issued);
  if ("error" in checked) return checked.error;
  if (counting) return void sendJson(response, 200, headers, { input_tokens: tokensOf(checked.segments) });
  return checked.body.max_tokens === 0 ? await send(exchange, checked, WARMED) : await takeTurn(exchange, checked);
}

/** The answer to `max_tokens: 0`, which only fills the prompt cache and takes no turn. */
const WARMED: Answer = { content: [], stop_reason: "max_tokens" };

async function takeTurn(exchange: Exchange, checked: Checked): Promise<ApiError | undefined> {
  const { running, seen } = exchange;
  const number = running.asked++;
  const fault = running.faults[number];
  if (fault !== undefined && isRefusal(fault)) return refuse(exchange, fault);
  let turn: Turn | undefined = running.script[running.turns++];
  const asked = { number, headers: seen.headers, body: checked.body as unknown as Anthropic.MessageCreateParams };
  while (typeof turn === "function") turn = await turn(asked);
  if (turn === undefined) return scriptError(`The script has no turn ${running.turns}`);
  return isRefusal(turn) ? refuse(exchange, turn) : await send(exchange, checked, { ...turn, ...fault });
}

async function send(exchange: Exchange, checked: Checked, turn: Answer): Promise<ApiError | undefined> {
  const { running, seen, response, headers } = exchange;
  const streams = checked.body.stream === true;
  if (!streams && (turn.errorBefore !== undefined || turn.cutBefore !== undefined))
    return scriptError("This turn breaks off a stream, and the request does not stream");
  const composed = compose(turn, checked, running.memory, running.now());
  seen.message = composed.message;
  if (!streams) await deliverWhole(response, headers, composed, turn);
  else if ((await deliverStream(response, headers, composed, turn)) === "reset") reset(exchange);
  return undefined;
}

function refuse(exchange: Exchange, fault: StatusFault | DropFault): undefined {
  if ("drop" in fault) reset(exchange);
  else sendFault(exchange.response, exchange.headers, fault);
}

function reset(exchange: Exchange): void {
  exchange.broken = true;
  exchange.request.socket.resetAndDestroy();
}

/** The error of a script that cannot go on: nobody is to try again. */
export function scriptError(message: string): ApiError {
  return { ...apiError(500, message), code: "double_script" };
}
