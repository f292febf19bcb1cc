import { type Fields, isFields, type Shape, shapeProblems } from "./shape.ts";

const CACHE_CONTROL: Shape = { type: "string", "ttl?": "string" };

const COUNTED: Shape = {
  model: "string",
  messages: "array",
  "cache_control?": "object|null",
  "output_config?": "object",
  "speed?": "string|null",
  "system?": "string|array",
  "thinking?": "object",
  "tool_choice?": "object",
  "tools?": "array",
};

const CREATED: Shape = {
  ...COUNTED,
  max_tokens: "integer",
  "container?": "string|object|null",
  "diagnostics?": "object|null",
  "inference_geo?": "string|null",
  "metadata?": "object",
  "service_tier?": "string",
  "stop_sequences?": "array",
  "stream?": "boolean",
};

const SAMPLING: Shape = { "temperature?": "number|integer", "top_p?": "number|integer", "top_k?": "integer" };

/** Keys that need a beta, with the start of the `anthropic-beta` value that admits them. */
const BETA_KEYS: Readonly<Record<string, string>> = {
  thread: "message-threads-",
  mcp_servers: "mcp-client-",
  context_management: "context-management-",
  fallbacks: "server-side-fallback-",
  compaction: "compact-",
};

const NESTED: Readonly<Record<string, Shape>> = {
  cache_control: CACHE_CONTROL,
  output_config: { "effort?": "string|null", "format?": "object|null" },
  metadata: { "user_id?": "string|null" },
  diagnostics: { "previous_message_id?": "string|null" },
};

/** What the headers say about the body. */
export interface Terms {
  readonly version: string;
  readonly betas: readonly string[];
  readonly counting: boolean;
}

/** Yields what is wrong with the top level of a body (rules 7 and 8) and with the small objects right under it. */
export function* bodyProblems(body: unknown, terms: Terms): Iterable<string> {
  const betas = Object.keys(BETA_KEYS).filter((key) => terms.betas.some((beta) => beta.startsWith(BETA_KEYS[key] ?? "")));
  const shape = {
    ...(terms.counting ? COUNTED : CREATED),
    ...(terms.version === "2023-06-01" && !terms.counting ? SAMPLING : {}),
    ...Object.fromEntries(betas.map((key) => [`${key}?`, "any"])),
  };
  yield* shapeProblems("", body, shape);
  const fields = body as Fields;
  for (const [key, nested] of Object.entries(NESTED)) if (isFields(fields[key])) yield* shapeProblems(key, fields[key], nested);
  yield* valueProblems(fields);
}

function* valueProblems(body: Fields): Iterable<string> {
  const tier = body.service_tier ?? "auto";
  if (tier !== "auto" && tier !== "standard_only") yield "service_tier: Input should be 'auto' or 'standard_only'";
  const sequences = (body.stop_sequences ?? []) as readonly unknown[];
  if (sequences.some((sequence) => typeof sequence !== "string" || sequence.trim() === ""))
    yield "stop_sequences: each stop sequence must contain non-whitespace";
}
