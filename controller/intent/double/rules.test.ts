import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bodyWith, KEY, OPUS, post, schema, tool } from "./ask.ts";
import { type Double, startDouble } from "./double.ts";

type Fields = Readonly<Record<string, unknown>>;
interface Case {
  readonly rule: number;
  readonly name: string;
  readonly accepted: readonly Fields[];
  readonly refused: readonly Fields[];
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

const user = (content: unknown) => ({ role: "user", content });
const assistant = (content: unknown) => ({ role: "assistant", content });
const system = (content: unknown) => ({ role: "system", content });
const text = (words: string, over: Fields = {}) => ({ type: "text", text: words, ...over });
const use = (id: string) => ({ type: "tool_use", id, name: "look", input: {} });
const result = (id: string) => ({ type: "tool_result", tool_use_id: id, content: "done" });
const said = (...messages: unknown[]) => ({ messages, tools: [tool("look")] });
const marked = (ttl?: string) => ({ cache_control: { type: "ephemeral", ...(ttl === undefined ? {} : { ttl }) } });
const strict = (properties: Fields, over: Fields = {}) => ({
  tools: [{ ...tool("look"), strict: true, input_schema: { ...schema(properties), ...over } }],
});
const field = (property: Fields) => strict({ x: property });
const names = (count: number) => Array.from({ length: count }, (_, index) => `name${index}`);
const properties = (count: number, property: Fields) => Object.fromEntries(names(count).map((name) => [name, property]));
const looking = [user("Look"), assistant([use("a")])];

const CASES: readonly Case[] = [
  { rule: 7, name: "max_tokens", accepted: [{}], refused: [{ max_tokens: undefined }, { max_tokens: "10" }] },
  { rule: 7, name: "model and messages", accepted: [{}], refused: [{ model: undefined }, { messages: undefined }] },
  { rule: 8, name: "unknown key", accepted: [{ metadata: { user_id: "u" } }], refused: [{ user: "u" }, { metadata: { name: "u" } }] },
  { rule: 8, name: "sampling", accepted: [{}], refused: [{ temperature: 1 }, { top_p: 0.5 }, { top_k: 5 }] },
  {
    rule: 8,
    name: "sampling under the older version",
    accepted: [{ temperature: 1 }],
    refused: [{ temperature: "1" }],
    headers: { "anthropic-version": "2023-06-01" },
  },
  {
    rule: 8,
    name: "beta keys without the beta",
    accepted: [{}],
    refused: [{ mcp_servers: [] }, { thread: {} }, { fallbacks: [] }, { context_management: {} }, { compaction: {} }],
  },
  {
    rule: 8,
    name: "beta keys with the beta",
    accepted: [{ mcp_servers: [] }],
    refused: [{ fallbacks: [] }],
    headers: { "anthropic-beta": "one-2026-01-01, mcp-client-2025-11-20" },
  },
  { rule: 8, name: "unknown key in a block", accepted: [said(user([text("a")]))], refused: [said(user([text("a", { parsed: 1 })]))] },
  { rule: 9, name: "model", accepted: [{ model: "claude-sonnet-5-5" }], refused: [{ model: "claude-0" }], status: 404 },
  { rule: 9, name: "length", accepted: [{ max_tokens: 128_000 }], refused: [{ max_tokens: 128_001 }, { max_tokens: -1 }] },
  {
    rule: 9,
    name: "warming",
    accepted: [{ max_tokens: 0 }],
    refused: [
      { max_tokens: 0, stream: true },
      { max_tokens: 0, output_config: { format: { type: "json_schema", schema: schema({}) } } },
      { max_tokens: 0, model: "claude-haiku-4-5", thinking: { type: "enabled", budget_tokens: 1_024 } },
      { max_tokens: 0, model: "claude-haiku-4-5", tools: [tool("a")], tool_choice: { type: "any" } },
    ],
  },
  { rule: 10, name: "first role", accepted: [said(user("a"), user("b"))], refused: [{ messages: [] }, said(assistant("a"), user("b"))] },
  { rule: 10, name: "roles and content", accepted: [said(user("a"))], refused: [said(user([])), said({ role: "tool", content: "a" })] },
  {
    rule: 11,
    name: "blank text",
    accepted: [said(user([text("a")]))],
    refused: [said(user("")), said(user([text(" \n")])), { system: [text("")] }],
  },
  { rule: 12, name: "prefill", accepted: [said(user("a"), assistant("b"), user("c"))], refused: [said(user("a"), assistant("b"))] },
  {
    rule: 13,
    name: "system message",
    accepted: [said(user("a"), system("b")), said(user("a"), system("b"), assistant("c"), user("d"))],
    refused: [
      said(system("b"), user("a")),
      said(user("a"), assistant("c"), system("b")),
      said(user("a"), system("b"), user("c")),
      said(user("a"), system([{ type: "image", source: {} }])),
      { ...said(user("a"), system("b")), model: "claude-haiku-4-5" },
    ],
  },
  {
    rule: 14,
    name: "documents and citations",
    accepted: [said(user([{ type: "document", source: { type: "text", media_type: "text/plain", data: "a" } }, text("b")]))],
    refused: [said(user("a"), assistant([{ type: "document", source: {} }]), user("b")), said(user([text("a", { citations: [{}] })]))],
  },
  {
    rule: 15,
    name: "tool names",
    accepted: [{ tools: [tool("look_at-1")] }],
    refused: [{ tools: [tool("look at")] }, { tools: [tool("a".repeat(65))] }, { tools: [tool("a"), tool("a")] }],
  },
  {
    rule: 15,
    name: "tool schemas",
    accepted: [{ tools: [tool("a", { input_schema: { type: "object" } })] }],
    refused: [
      { tools: [tool("a", { input_schema: { type: "string" } })] },
      { tools: [tool("a", { input_schema: { type: "object", required: "id" } })] },
      { tools: [tool("a", { parameters: {} })] },
    ],
  },
  {
    rule: 16,
    name: "tool choice",
    accepted: [{ tools: [tool("a")], tool_choice: { type: "auto" } }],
    refused: [
      { tool_choice: { type: "auto" } },
      { tools: [tool("a")], tool_choice: { type: "any" } },
      { tools: [tool("a")], tool_choice: { type: "tool", name: "a" } },
      { tools: [tool("a")], tool_choice: "auto" },
    ],
  },
  {
    rule: 16,
    name: "no forced tool on the newer models",
    accepted: [{ model: "claude-fable-5-1", tools: [tool("a")], tool_choice: { type: "none" } }],
    refused: ["claude-opus-5-5", "claude-sonnet-5-5", "claude-fable-5-1", "claude-mythos-5-1"].flatMap((model) => [
      { model, tools: [tool("a")], tool_choice: { type: "any" } },
      { model, tools: [tool("a")], tool_choice: { type: "tool", name: "a" } },
    ]),
  },
  {
    rule: 16,
    name: "forced tool on an older model",
    accepted: [{ model: "claude-haiku-4-5", tools: [tool("a")], tool_choice: { type: "tool", name: "a" } }],
    refused: [{ model: "claude-haiku-4-5", tools: [tool("a")], tool_choice: { type: "tool", name: "b" } }],
  },
  {
    rule: 17,
    name: "closed objects",
    accepted: [field({ type: "string" }), { tools: [tool("a", { input_schema: { type: "object" } })] }],
    refused: [
      field({ type: "object" }),
      field({ properties: { a: { type: "string" } } }),
      field({ not: { type: "object" } }),
      strict({}, { patternProperties: { a: { type: "object" } } }),
      strict({}, { additionalProperties: true }),
      field({ type: "array", items: { type: "object" } }),
    ],
  },
  {
    rule: 17,
    name: "limits on values",
    accepted: [field({ type: "array", items: { type: "string" }, minItems: 1 })],
    refused: [
      field({ type: "integer", minimum: 0 }),
      field({ type: "string", maxLength: 5 }),
      field({ type: "array", items: { type: "string" }, minItems: 2 }),
      field({ type: "array", items: { type: "string" }, maxItems: 2 }),
      field({ type: "number", multipleOf: 2 }),
      field({ anyOf: [{ type: "string", minLength: 1 }, { type: "null" }] }),
      field({ not: { type: "integer", maximum: 5 } }),
    ],
  },
  {
    rule: 17,
    name: "enums, formats and patterns",
    accepted: [field({ enum: ["a", 1, null] }), field({ type: "string", format: "uuid" }), field({ type: "string", pattern: "^[a-z]+$" })],
    refused: [
      field({ enum: [{}] }),
      field({ const: {} }),
      field({ type: "string", format: "regex" }),
      field({ type: "string", pattern: "(?=a)" }),
      field({ type: "string", pattern: "(a)\\1" }),
      field({ type: "string", pattern: "\\ba" }),
    ],
  },
  {
    rule: 17,
    name: "references",
    accepted: [strict({ x: { $ref: "#/$defs/a" } }, { $defs: { a: { type: "string" } } })],
    refused: [
      strict({ x: { $ref: "#" } }),
      strict({ x: { $ref: "https://example.org/a.json" } }),
      strict({ x: { $ref: "#/$defs/a" } }, { $defs: { a: { type: "array", items: { $ref: "#/$defs/a" } } } }),
      strict({ x: { allOf: [{ $ref: "#/$defs/a" }] } }, { $defs: { a: { type: "string" } } }),
    ],
  },
  {
    rule: 17,
    name: "totals",
    accepted: [
      { tools: names(20).map((name) => tool(name, { strict: true })) },
      strict(properties(24, { type: "string" }), { required: [] }),
      strict(properties(16, { type: ["string", "null"] })),
    ],
    refused: [
      { tools: names(21).map((name) => tool(name, { strict: true })) },
      strict(properties(25, { type: "string" }), { required: [] }),
      strict(properties(17, { type: ["string", "null"] })),
      { tools: ["a", "b"].map((name) => ({ ...strict(properties(13, { type: "string" }), { required: [] }).tools[0], name })) },
      {
        ...strict(properties(9, { anyOf: [{ type: "string" }, { type: "null" }] })),
        output_config: { format: { type: "json_schema", schema: schema(properties(8, { type: ["string", "null"] })) } },
      },
    ],
  },
  {
    rule: 17,
    name: "output format",
    accepted: [{ output_config: { format: { type: "json_schema", schema: schema({ a: { type: "string" } }) } } }],
    refused: [
      { output_config: { format: { type: "json_schema", schema: { type: "object" } } } },
      { output_config: { format: { type: "json" } } },
    ],
  },
  {
    rule: 18,
    name: "results",
    accepted: [
      said(...looking, user([result("a"), text("and")])),
      said(user("Look"), assistant([use("a"), use("b")]), user([result("b"), result("a")])),
    ],
    refused: [
      said(...looking, user("and")),
      said(...looking, user([text("and"), result("a")])),
      said(user("Look"), assistant([use("a"), use("b")]), user([result("a")])),
      said(user("Look"), assistant([use("a"), use("b")]), user([result("a")]), user([result("b")])),
      said(...looking, user([result("a"), result("c")])),
      said(...looking, user([result("a"), result("a")])),
      said(user([result("a")])),
    ],
  },
  {
    rule: 19,
    name: "tools stay declared, ids are plain",
    accepted: [said(...looking, user([result("a")]))],
    refused: [
      { messages: [...looking, user([result("a")])] },
      said(user("Look"), assistant([use("a b")]), user([result("a b")])),
      said(...looking, user([result("a")]), assistant([use("a")]), user([result("a")])),
    ],
  },
  {
    rule: 20,
    name: "thinking and effort",
    accepted: [{ thinking: { type: "adaptive", display: "summarized" } }, { output_config: { effort: "xhigh" } }],
    refused: [
      { thinking: { type: "disabled" } },
      { thinking: { type: "enabled", budget_tokens: 1_024 } },
      { thinking: { type: "adaptive", budget_tokens: 1_024 } },
      { thinking: { type: "adaptive", display: "full" } },
      { output_config: { effort: "extreme" } },
    ],
  },
  {
    rule: 20,
    name: "thinking on Sonnet 5.5",
    accepted: [{ model: "claude-sonnet-5-5", thinking: { type: "between_tools" } }],
    refused: [{ model: "claude-sonnet-5-5", thinking: { type: "disabled" } }],
  },
  {
    rule: 22,
    name: "markers",
    accepted: [
      { system: [text("a", marked("1h"))], ...said(user([text("b", marked("5m"))])), ...marked() },
      { system: names(4).map((name) => text(name, marked())) },
    ],
    refused: [
      { system: names(5).map((name) => text(name, marked())) },
      { system: names(4).map((name) => text(name, marked())), ...marked() },
      { system: [text("a", marked("2h"))] },
      { system: [text("a", { cache_control: { type: "persistent" } })] },
      { system: [text("a", marked("5m"))], ...said(user([text("b", marked("1h"))])) },
      { system: [text("a", marked("5m"))], ...marked("1h") },
      { tools: [tool("a", { defer_loading: true, ...marked() })] },
      said(user("a"), assistant([{ type: "thinking", thinking: "", signature: "s", ...marked() }]), user("b")),
    ],
  },
];

describe("the rules about bodies", () => {
  let double: Double;
  beforeAll(async () => {
    double = await startDouble({ key: KEY, script: Array.from({ length: 200 }, () => ({ content: [{ type: "text", text: "Yes" }] })) });
  });
  afterAll(() => double.close());

  for (const { rule, name, accepted, refused, status = 400, headers = {} } of CASES) {
    test(`rule ${rule}: ${name}`, async () => {
      for (const over of accepted) {
        const answer = await post(double, bodyWith(over), { headers });
        expect(answer, JSON.stringify([over, answer.json])).toMatchObject({ status: 200, json: { type: "message" } });
      }
      for (const over of refused) {
        const answer = await post(double, bodyWith(over), { headers });
        const type = status === 404 ? "not_found_error" : "invalid_request_error";
        expect(answer, JSON.stringify([over, answer.json])).toMatchObject({ status, json: { type: "error", error: { type } } });
      }
    });
    if (rule !== 7 && rule !== 8 && rule !== 9)
      test(`rule 24: counting keeps rule ${rule}, ${name}`, async () => {
        const count = (over: Fields) =>
          post(double, bodyWith({ max_tokens: undefined, ...over }), { path: "/v1/messages/count_tokens", headers });
        for (const over of accepted) expect(await count(over)).toMatchObject({ status: 200, json: { input_tokens: expect.any(Number) } });
        for (const over of refused) expect((await count(over)).status, JSON.stringify(over)).toBe(status);
      });
  }

  test("rule 10: at most 100,000 messages", async () => {
    const many = (count: number) => bodyWith({ max_tokens: undefined, messages: Array.from({ length: count }, () => user("a")) });
    const path = "/v1/messages/count_tokens";
    expect((await post(double, many(100_001), { path })).status).toBe(400);
    expect((await post(double, many(1000), { path })).status).toBe(200);
  });

  test("rule 10: consecutive messages of one role are one turn", async () => {
    const split = bodyWith({ max_tokens: undefined, messages: [user("a"), user("b"), assistant("c"), assistant("d"), user("e")] });
    expect((await post(double, split, { path: "/v1/messages/count_tokens" })).status).toBe(200);
  });

  test("rule 24: counting does not know the keys that only make a message", async () => {
    const path = "/v1/messages/count_tokens";
    expect((await post(double, bodyWith(), { path })).status).toBe(400);
    expect((await post(double, bodyWith({ max_tokens: undefined, stream: true }), { path })).status).toBe(400);
    expect((await post(double, { model: OPUS, messages: [user("Hello")] }, { path })).json.input_tokens).toBeGreaterThan(5);
  });
});
