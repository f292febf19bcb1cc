import Anthropic from "@anthropic-ai/sdk";
import type { Double } from "./double.ts";

export const KEY = "sk-ant-double";
export const OPUS = "claude-opus-5-5";

/** Returns the SDK's client for a double. */
export function clientOf(double: Double, options: { maxRetries?: number; timeout?: number; apiKey?: string } = {}): Anthropic {
  return new Anthropic({ apiKey: KEY, baseURL: double.url, logLevel: "off", ...options });
}

/** Returns a small legal body with other values laid over it; undefined takes a key away. */
export function bodyWith(over: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { model: OPUS, max_tokens: 1_000, messages: [{ role: "user", content: "Hello" }], ...over };
}

/** Posts what the SDK would not send. A header that is null is left out. */
export async function post(
  double: Double,
  body: unknown,
  { path = "/v1/messages", headers = {} }: { path?: string; headers?: Readonly<Record<string, string | null>> } = {},
): Promise<{ status: number; headers: Headers; json: Answered }> {
  const all = { "x-api-key": KEY, "anthropic-version": "2026-10-21", "content-type": "application/json", ...headers };
  const sent = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== null);
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(double.url + path, { method: "POST", headers: Object.fromEntries(sent), body: text });
  return { status: response.status, headers: response.headers, json: (await response.json()) as Answered };
}

/** The parts of an answer that tests look at. */
interface Answered {
  readonly type?: string;
  readonly error?: { readonly type: string; readonly message: string };
  readonly request_id?: string;
  readonly stop_reason?: string;
  readonly content?: readonly unknown[];
  readonly input_tokens?: number;
  readonly usage?: Anthropic.Usage;
}

/** Returns a tool with a schema that may be strict. */
export function tool(name: string, over: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { name, description: `The tool ${name}`, input_schema: schema({ id: { type: "string" } }), ...over };
}

/** Returns the schema of a closed object whose properties are all required, unless told. */
export function schema(properties: Readonly<Record<string, unknown>>, required = Object.keys(properties)): Record<string, unknown> {
  return { type: "object", properties, required, additionalProperties: false };
}
