import type { ServerResponse } from "node:http";
import { type ApiError, errorBody, typeOf } from "./api-error.ts";
import type { StatusFault } from "./script.ts";

const LIMITS = { requests: 4_000, tokens: 2_400_000, "input-tokens": 2_000_000, "output-tokens": 400_000 };

/** Returns the headers that every answer carries (rule 5); `spent` is the number of requests so far. */
export function headersOf(requestId: string, spent: number, now: number): Record<string, string> {
  const headers: Record<string, string> = { "request-id": requestId };
  for (const [kind, limit] of Object.entries(LIMITS)) {
    const remaining = kind === "requests" ? Math.max(0, limit - spent) : limit;
    headers[`anthropic-ratelimit-${kind}-limit`] = String(limit);
    headers[`anthropic-ratelimit-${kind}-remaining`] = String(remaining);
    headers[`anthropic-ratelimit-${kind}-reset`] = new Date(now + 60_000).toISOString().replace(/\.\d+Z$/, "Z");
  }
  return headers;
}

/** Sends a JSON body. */
export function sendJson(response: ServerResponse, status: number, headers: Record<string, string>, body: object): void {
  response.writeHead(status, { ...headers, "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

/** Sends an error found by a check; `x-should-retry: false` keeps clients from asking the same again when the script is at fault. */
export function sendError(response: ServerResponse, headers: Record<string, string>, error: ApiError): void {
  const extra = error.code === "double_script" ? { "x-should-retry": "false" } : {};
  sendJson(response, error.status, { ...headers, ...extra }, errorBody(error, headers["request-id"] ?? ""));
}

/** Sends a scripted error status; a 429 carries `retry-after` even when the script does not say. */
export function sendFault(response: ServerResponse, headers: Record<string, string>, fault: StatusFault): void {
  const all = { ...headers };
  const retryAfter = fault.retryAfter ?? (fault.status === 429 ? 1 : undefined);
  if (retryAfter !== undefined) all["retry-after"] = String(retryAfter);
  if (fault.shouldRetry !== undefined) all["x-should-retry"] = String(fault.shouldRetry);
  if (fault.text !== undefined) {
    response.writeHead(fault.status, { ...all, "content-type": "text/html" });
    response.end(fault.text);
    return;
  }
  const type = fault.type ?? typeOf(fault.status);
  const code = fault.code === undefined ? {} : { code: fault.code };
  sendJson(response, fault.status, all, errorBody({ type, message: fault.message ?? "Scripted fault", ...code }, all["request-id"] ?? ""));
}
