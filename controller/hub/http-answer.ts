import { createReadStream } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import type { Static, TSchema } from "typebox";
import { error, type Problem } from "../../schemas/problem.ts";
import type { Artifact } from "./artifacts.ts";

/** What is said to a request at the agents' port. */
export type Answer =
  | { readonly status: number; readonly json: unknown }
  | { readonly status: number; readonly type: string; readonly text: string }
  /** `from`: the first byte that is sent; the whole file where it is left out. */
  | { readonly file: Pick<Artifact, "path" | "size">; readonly from?: number };

/** How many downloads are sent at a time, and how long one may stand still (milliseconds): whoever asks need not be known. */
export interface Downloads {
  readonly most: number;
  readonly idleMs: number;
  open: number;
}

/** A body of the asked form, or what to answer instead. */
export type Body<T extends TSchema> = { readonly value: Static<T> } | { readonly answer: Answer };

const ajv = new Ajv2020({ strict: true, strictTypes: false });
const validators = new Map<TSchema, ValidateFunction>();

/** Reads a JSON body of at most `most` bytes. */
export async function body<T extends TSchema>(request: IncomingMessage, schema: T, most: number): Promise<Body<T>> {
  const text = Number(request.headers["content-length"] ?? 0) > most ? undefined : await textOf(request, most);
  if (text === undefined)
    return { answer: problem(413, error("http/body-size", `Unable to read the request: its body is larger than ${most} bytes`)) };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { answer: problem(400, error("http/malformed", "Unable to read the request: its body is not JSON")) };
  }
  let validate = validators.get(schema);
  if (validate === undefined) validators.set(schema, (validate = ajv.compile(schema)));
  if (validate(value)) return { value: value as Static<T> };
  return {
    answer: problem(400, error("http/invalid", `Unable to use the request: ${ajv.errorsText(validate.errors, { dataVar: "body" })}`)),
  };
}

async function textOf(request: IncomingMessage, most: number): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > most) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

/** A problem as RFC 9457 has it, with our own fields beside. */
export const problem = (status: number, what: Problem): Answer => ({ status, json: problemBody(status, what) });

/** The body of a problem answer: RFC 9457's members and those of a `Problem`. */
export const problemBody = (status: number, what: Problem): object => ({ title: what.summary, status, ...what });

/** The status that goes with a refusal to identify or to enrol. */
export const statusOf = (code: string): number =>
  /^(identity\/(revoked|quarantined|not-allowed)|enrol\/(name-taken|not-allowed))$/.test(code) ? 403 : 401;

/** The JWT that a request shows; undefined where it shows none. */
export const bearerOf = (request: IncomingMessage): string | undefined =>
  /^Bearer ([\w.-]{1,4096})$/i.exec(request.headers.authorization ?? "")?.[1];

/** Sends an answer; rejects where the client, or the file, went away in the middle. */
export async function send(response: ServerResponse, what: Answer, downloads: Downloads): Promise<void> {
  response.setHeader("cache-control", "no-store");
  response.setHeader("x-content-type-options", "nosniff");
  if ("file" in what) {
    const { path, size } = what.file,
      from = what.from ?? 0;
    response.writeHead(from > 0 ? 206 : 200, {
      "content-type": "application/octet-stream",
      "content-length": size - from,
      "accept-ranges": "bytes",
      ...(from > 0 ? { "content-range": `bytes ${from}-${size - 1}/${size}` } : {}),
    });
    response.setTimeout(downloads.idleMs, () => response.destroy());
    downloads.open++;
    return pipeline(createReadStream(path, { start: from }), response).finally(() => downloads.open--);
  }
  const isJson = "json" in what,
    text = isJson ? JSON.stringify(what.json) : what.text;
  const type = isJson ? (what.status === 200 ? "application/json" : "application/problem+json") : what.type;
  if (what.status === 503) response.setHeader("retry-after", "5");
  if (what.status === 429) response.setHeader("retry-after", "60");
  if (what.status === 426) response.setHeader("upgrade", "websocket");
  // The rest of a body that was too large is not read.
  if (what.status === 413) response.setHeader("connection", "close");
  response.writeHead(what.status, { "content-type": type, "content-length": Buffer.byteLength(text) });
  response.end(text);
}
