import type { IncomingMessage, ServerResponse } from "node:http";
import { error } from "../../schemas/problem.ts";
import { maxPollBody, PollReceive, PollSend } from "../../schemas/protocol.ts";
import { type Answer, bearerOf, body, problem, statusOf } from "./http-answer.ts";
import type { Hub } from "./hub.ts";
import { OutOfOrder, type PollTransport } from "./poll-transport.ts";
import type { Polling } from "./polling.ts";

/** Where agents poll; a connection's own addresses begin with it. */
export const pollPath = "/agent/v1/poll";

const smallBody = 1024;

/** Answers a poll: only the agent of the JWT, for as long as it is admitted, and only on a connection of its own. */
export async function pollRoute(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  { hub, polls }: { readonly hub: Pick<Hub, "admit">; readonly polls: Polling },
): Promise<Answer> {
  const jwt = bearerOf(request);
  if (jwt === undefined) return problem(401, error("identity/no-jwt", "Unable to open the connection: it needs a bearer token"));
  const who = await hub.admit(jwt);
  if ("code" in who) return problem(statusOf(who.code), who);
  if (path === pollPath)
    return {
      status: 200,
      json: { connection: polls.open(who.agent, { expiresAt: who.expiresAt, address: request.socket.remoteAddress }) },
    };
  const [, id = "", act] = /^\/([\w-]{16,64})\/(send|receive)$/.exec(path.slice(pollPath.length)) ?? [],
    transport = polls.find(id, who.agent);
  if (transport === undefined || act === undefined)
    return problem(404, error("poll/no-connection", "Unable to answer: this agent has no such connection; it ended", { retry: "later" }));
  if (!transport.admits()) return problem(429, error("poll/too-often", "Unable to answer: this agent asks too often", { retry: "later" }));
  const gone = new AbortController(),
    over = transport.began();
  response.once("close", () => {
    gone.abort();
    over();
  });
  try {
    return act === "send" ? await taken(request, transport, gone.signal) : await given(request, transport, gone.signal);
  } catch (cause) {
    if (!(cause instanceof OutOfOrder)) throw cause;
    transport.close("misbehaved");
    return problem(409, error("poll/order", `Unable to go on with the connection: ${cause.message}`, { retry: "later" }));
  }
}

/** Large bodies are read one at a time: a newer request ends the one before. */
async function taken(request: IncomingMessage, transport: PollTransport, gone: AbortSignal): Promise<Answer> {
  transport.reading?.();
  const give = (): void => void request.destroy();
  transport.reading = give;
  const read = await body(request, PollSend, maxPollBody);
  if (transport.reading === give) transport.reading = undefined;
  return "answer" in read ? read.answer : { status: 200, json: await transport.take(read.value, gone) };
}

async function given(request: IncomingMessage, transport: PollTransport, gone: AbortSignal): Promise<Answer> {
  const read = await body(request, PollReceive, smallBody);
  return "answer" in read ? read.answer : { status: 200, json: await transport.give(read.value.from, gone) };
}
