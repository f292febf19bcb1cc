import type { IncomingMessage, ServerResponse } from "node:http";
import type { Static, TSchema } from "typebox";
import { error, type Problem } from "../../schemas/problem.ts";
import { ChallengeRequest, EnrolRequest, TokenRequest } from "../../schemas/protocol.ts";
import type { Artifact } from "./artifacts.ts";
import type { Failures } from "./failures.ts";
import { type Answer, bearerOf, type Body, body, type Downloads, problem, send, statusOf } from "./http-answer.ts";
import type { Hub } from "./hub.ts";
import { installScript } from "./install-script.ts";
import { pollPath, pollRoute } from "./poll-routes.ts";
import type { Polling } from "./polling.ts";
import type { Releases } from "./releases.ts";

/** What the routes answer from. */
export interface RouteContext {
  readonly hub: Hub;
  readonly ca: () => string;
  readonly artifacts: () => Promise<readonly Artifact[]>;
  /** Releases for agents that are enrolled; absent: none. */
  readonly releases?: Releases | undefined;
  readonly failures: Failures;
  /** Downloads under way. */
  readonly downloads: Downloads;
  readonly polls: Polling;
}

const maxBody = 16 * 1024;
/** Answers a request at the agents' port; never rejects. */
export async function answer(request: IncomingMessage, response: ServerResponse, context: RouteContext): Promise<void> {
  try {
    await send(response, await route(request, response, context), context.downloads);
  } catch {
    // The client went away in the middle, or a file did: there is nobody left to tell, or no way to.
    response.destroy();
  }
}

async function route(request: IncomingMessage, response: ServerResponse, context: RouteContext): Promise<Answer> {
  const path = (request.url ?? "").split("?")[0] ?? "",
    address = request.socket.remoteAddress ?? "";
  switch (`${request.method} ${path}`) {
    case "POST /agent/v1/enrol":
      return enrolment(address, context, await body(request, EnrolRequest, maxBody));
    case "POST /agent/v1/challenge":
      return withBody(await body(request, ChallengeRequest, maxBody), async ({ agent }) => ({
        status: 200,
        json: { nonce: context.hub.challenge(agent) },
      }));
    case "POST /agent/v1/token":
      return withBody(await body(request, TokenRequest, maxBody), async (wish) => reply(await context.hub.prove(wish)));
    case "GET /agent/v1/ca":
      return { status: 200, type: "application/x-pem-file", text: context.ca() };
    case "GET /install-agent.sh":
      return { status: 200, type: "text/x-shellscript; charset=utf-8", text: installScript(await context.artifacts()) };
  }
  if (request.method === "POST" && (path === pollPath || path.startsWith(`${pollPath}/`)))
    return pollRoute(request, response, path, context);
  if (request.method === "GET" && path === "/agent/v1/connect")
    return problem(
      426,
      error("http/upgrade", "Unable to answer: WebSockets are here, and the request did not ask for one; did a proxy take that away?"),
    );
  if (request.method === "GET" && path.startsWith("/agent/v1/releases/"))
    return release(path.slice("/agent/v1/releases/".length), request, context);
  if (request.method === "GET" && path.startsWith("/agent/v1/download/"))
    return download(path.slice("/agent/v1/download/".length), context);
  return problem(404, error("http/not-found", `Unable to answer: there is no ${request.method} ${path.slice(0, 100)} at the agents' port`));
}

async function download(name: string, { artifacts, downloads }: RouteContext): Promise<Answer> {
  const file = (await artifacts()).find((artifact) => artifact.name === name);
  if (file !== undefined && downloads.open >= downloads.most)
    return problem(503, error("http/busy", `Unable to send the agent now: ${downloads.open} downloads are under way`, { retry: "later" }));
  if (file !== undefined) return { file };
  return problem(
    404,
    error("http/no-artifact", `Unable to send the agent ${JSON.stringify(name.slice(0, 60))}: this controller has none of that name`, {
      hint: "`npm run build:agent` builds the agents.",
    }),
  );
}

/** A release for an agent that shows who it is, from the byte that it asks for on. */
async function release(name: string, request: IncomingMessage, { hub, releases, downloads }: RouteContext): Promise<Answer> {
  const jwt = bearerOf(request);
  if (jwt === undefined) return problem(401, error("identity/no-jwt", "Unable to send the release: it needs a bearer token"));
  const who = await hub.admit(jwt);
  if ("code" in who) return problem(statusOf(who.code), who);
  const found = releases?.served().find((one) => `${one.release.version}/${one.release.name}` === name);
  if (found === undefined)
    return problem(
      404,
      error("http/no-release", `Unable to send the release ${JSON.stringify(name.slice(0, 100))}: this controller has no such one`),
    );
  if (downloads.open >= downloads.most)
    return problem(
      503,
      error("http/busy", `Unable to send the release now: ${downloads.open} downloads are under way`, { retry: "later" }),
    );
  const file = { path: found.path, size: found.release.size },
    [, digits] = /^bytes=(\d{1,12})-$/.exec(request.headers.range ?? "") ?? [],
    from = Number(digits ?? 0);
  if (from >= file.size) return problem(416, error("http/range", `Unable to send the release from byte ${from} on: it has ${file.size}`));
  return { file, from };
}

/** Whoever shows tokens that are none waits after some of them, whatever comes next from that address. */
async function enrolment(address: string, { hub, failures }: RouteContext, read: Body<typeof EnrolRequest>): Promise<Answer> {
  const wait = failures.wait(address);
  if (wait > 0)
    return problem(
      429,
      error("http/too-many-failures", `Unable to enrol: too many wrong join tokens from this address; again in ${wait} s`, {
        retry: "later",
      }),
    );
  return withBody(read, async (wish) => {
    const result = await hub.enrol(wish);
    if ("code" in result && guesses.has(result.code)) failures.count(address);
    return reply(result);
  });
}

/** What somebody without a join token can cause; each is told as an event, so it must not be had for nothing. */
const guesses = new Set(["enrol/token-malformed", "enrol/token-unknown", "enrol/token-wrong", "enrol/public-key"]);
const reply = (result: object | Problem): Answer =>
  "code" in result ? problem(statusOf(result.code), result) : { status: 200, json: result };
const withBody = async <T extends TSchema>(read: Body<T>, act: (value: Static<T>) => Promise<Answer>): Promise<Answer> =>
  "answer" in read ? read.answer : act(read.value);
