import { createReadStream } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { Static, TSchema } from "typebox";
import { error, type Problem } from "../../schemas/problem.ts";
import { ChallengeRequest, EnrolRequest, TokenRequest } from "../../schemas/protocol.ts";
import type { Artifact } from "./artifacts.ts";
import type { Failures } from "./failures.ts";
import type { Hub } from "./hub.ts";
import { installScript } from "./install-script.ts";

/** What the routes answer from. */
export interface RouteContext {
  readonly hub: Hub;
  readonly ca: () => string;
  readonly artifacts: () => Promise<readonly Artifact[]>;
  readonly failures: Failures;
  /** Downloads under way. */
  readonly downloads: Downloads;
}

/** How many downloads are sent at a time, and how long one may stand still (milliseconds): whoever asks need not be known. */
export interface Downloads {
  readonly most: number;
  readonly idleMs: number;
  open: number;
}

const maxBody = 16 * 1024;
const ajv = new Ajv2020({ strict: true, strictTypes: false });

type Answer =
  | { readonly status: number; readonly json: unknown }
  | { readonly status: number; readonly type: string; readonly text: string }
  | { readonly file: Artifact };

/** Answers a request at the agents' port; never rejects. */
export async function answer(request: IncomingMessage, response: ServerResponse, context: RouteContext): Promise<void> {
  try {
    await send(response, await route(request, context), context.downloads);
  } catch {
    // The client went away in the middle, or a file did: there is nobody left to tell, or no way to.
    response.destroy();
  }
}

async function route(request: IncomingMessage, context: RouteContext): Promise<Answer> {
  const path = (request.url ?? "").split("?")[0] ?? "",
    address = request.socket.remoteAddress ?? "";
  switch (`${request.method} ${path}`) {
    case "POST /agent/v1/enrol":
      return enrolment(address, context, await body(request, EnrolRequest));
    case "POST /agent/v1/challenge":
      return withBody(await body(request, ChallengeRequest), async ({ agent }) => ({
        status: 200,
        json: { nonce: context.hub.challenge(agent) },
      }));
    case "POST /agent/v1/token":
      return withBody(await body(request, TokenRequest), async (wish) => reply(await context.hub.prove(wish)));
    case "GET /agent/v1/ca":
      return { status: 200, type: "application/x-pem-file", text: context.ca() };
    case "GET /install-agent.sh":
      return { status: 200, type: "text/x-shellscript; charset=utf-8", text: installScript(await context.artifacts()) };
  }
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
const statusOf = (code: string): number =>
  /^(identity\/(revoked|quarantined|not-allowed)|enrol\/(name-taken|not-allowed))$/.test(code) ? 403 : 401;

type Body<T extends TSchema> = { readonly value: Static<T> } | { readonly answer: Answer };
const withBody = async <T extends TSchema>(read: Body<T>, act: (value: Static<T>) => Promise<Answer>): Promise<Answer> =>
  "answer" in read ? read.answer : act(read.value);

const validators = new Map([EnrolRequest, ChallengeRequest, TokenRequest].map((schema) => [schema as TSchema, ajv.compile(schema)]));

async function body<T extends TSchema>(request: IncomingMessage, schema: T): Promise<Body<T>> {
  const text = await textOf(request);
  if (text === undefined)
    return { answer: problem(413, error("http/body-size", `Unable to read the request: its body is larger than ${maxBody} bytes`)) };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { answer: problem(400, error("http/malformed", "Unable to read the request: its body is not JSON")) };
  }
  const validate = validators.get(schema);
  if (validate?.(value) === true) return { value: value as Static<T> };
  return {
    answer: problem(400, error("http/invalid", `Unable to use the request: ${ajv.errorsText(validate?.errors, { dataVar: "body" })}`)),
  };
}

async function textOf(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > maxBody) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

/** A problem as RFC 9457 has it, with our own fields beside. */
const problem = (status: number, what: Problem): Answer => ({ status, json: problemBody(status, what) });

/** The body of a problem answer: RFC 9457's members and those of a `Problem`. */
export const problemBody = (status: number, what: Problem): object => ({ title: what.summary, status, ...what });

async function send(response: ServerResponse, what: Answer, downloads: Downloads): Promise<void> {
  response.setHeader("cache-control", "no-store");
  response.setHeader("x-content-type-options", "nosniff");
  if ("file" in what) {
    response.writeHead(200, { "content-type": "application/octet-stream", "content-length": what.file.size });
    response.setTimeout(downloads.idleMs, () => response.destroy());
    downloads.open++;
    return pipeline(createReadStream(what.file.path), response).finally(() => downloads.open--);
  }
  const isJson = "json" in what,
    text = isJson ? JSON.stringify(what.json) : what.text;
  const type = isJson ? (what.status === 200 ? "application/json" : "application/problem+json") : what.type;
  if (what.status === 503) response.setHeader("retry-after", "5");
  if (what.status === 429) response.setHeader("retry-after", "60");
  // The rest of a body that was too large is not read.
  if (what.status === 413) response.setHeader("connection", "close");
  response.writeHead(what.status, { "content-type": type, "content-length": Buffer.byteLength(text) });
  response.end(text);
}
