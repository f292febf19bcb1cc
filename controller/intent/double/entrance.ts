import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { type ApiError, apiError } from "./api-error.ts";

const VERSIONS = ["2026-10-21", "2023-06-01"];
const BODY_LIMIT = 32 * 1024 * 1024;

/** The end points of the double (rule 1). */
export type Route =
  | { readonly to: "messages" | "count_tokens" | "models" | "none"; readonly query: URLSearchParams }
  | { readonly to: "model"; readonly id: string };

/** Finds the end point that a request is for. */
export function routeOf(method: string, target: string): Route {
  const { pathname, searchParams: query } = new URL(target, "http://double");
  const model = /^\/v1\/models\/([^/]+)$/.exec(pathname)?.[1];
  if (method === "GET" && model !== undefined) return { to: "model", id: decodeURIComponent(model) };
  if (method === "GET" && pathname === "/v1/models") return { to: "models", query };
  if (method === "POST" && pathname === "/v1/messages") return { to: "messages", query };
  if (method === "POST" && pathname === "/v1/messages/count_tokens") return { to: "count_tokens", query };
  return { to: "none", query };
}

/** Checks the credential and the version of a request (rules 2 and 3). */
export function checkHeaders(request: IncomingMessage, key: string): ApiError | undefined {
  const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
  const given = Buffer.from(bearer ?? String(request.headers["x-api-key"] ?? ""));
  const wanted = Buffer.from(key);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return apiError(401, "invalid x-api-key");
  const version = request.headers["anthropic-version"];
  if (version === undefined) return apiError(400, "anthropic-version: header is required");
  return VERSIONS.includes(String(version)) ? undefined : apiError(400, `anthropic-version: "${version}" is not a valid version`);
}

/** Reads a JSON body of at most 32 MB (rule 4); what is over the limit is read to the end, so that the client sees the answer. */
export async function readBody(request: IncomingMessage): Promise<{ readonly body: unknown } | { readonly error: ApiError }> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += (chunk as Buffer).length;
    if (length <= BODY_LIMIT) chunks.push(chunk as Buffer);
  }
  if (length > BODY_LIMIT) return { error: apiError(413, "Request exceeds the maximum size") };
  try {
    return { body: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks))) };
  } catch (error) {
    return { error: apiError(400, `The request body is not valid JSON: ${(error as Error).message}`) };
  }
}
