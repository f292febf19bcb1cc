import type Anthropic from "@anthropic-ai/sdk";
import { expect, test } from "vitest";
import { bodyWith, clientOf, KEY, OPUS } from "./ask.ts";
import { startDouble } from "./double.ts";
import type { Answer, Delivery } from "./script.ts";

const params: Anthropic.MessageStreamParams = {
  model: OPUS,
  max_tokens: 1_000,
  thinking: { type: "adaptive", display: "summarized" },
  tools: [{ name: "look", input_schema: { type: "object" } }],
  messages: [{ role: "user", content: "Hello" }],
};

const rich: Answer = {
  content: [
    { type: "thinking", thinking: "Grüße überlegen 🤔" },
    { type: "text", text: 'Ich sehe nach: „größer“ \\ "🙂"\n' },
    { type: "tool_use", name: "look", json: '{"path":"C:\\\\tmp \\u00e9 \\"x\\"","deep":{"a":[1,2]}}' },
    { type: "tool_use", name: "look", input: {} },
  ],
};

interface Told {
  readonly type: string;
  readonly message?: object;
  readonly content_block?: object;
  readonly delta?: { readonly type?: string; readonly partial_json?: string };
}

const asked = (double: { url: string }, body: Record<string, unknown>) =>
  fetch(`${double.url}/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": KEY, "anthropic-version": "2026-10-21" },
    body: JSON.stringify(body),
  });

test("events come in order, under their own names", async () => {
  await using double = await startDouble({ key: KEY, script: [rich] });
  const response = await asked(double, { ...params, stream: true });
  expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
  const events = (await response.text())
    .split("\n\n")
    .filter(Boolean)
    .map((event) => {
      const [, name, data] = /^event: (.+)\ndata: (.+)$/.exec(event) ?? [];
      return { name, data: JSON.parse(data ?? "null") as Told };
    });
  for (const { name, data } of events) expect(name).toBe(data.type);
  const order = events.map(({ name, data }) => data.delta?.type ?? name).filter((name, index, all) => name !== all[index - 1]);
  const whole = (...deltas: string[]) => ["content_block_start", ...deltas, "content_block_stop"];
  const [, ...thinking] = whole("thinking_delta", "signature_delta");
  expect(order).toEqual(
    [
      ["message_start", "content_block_start", "ping", ...thinking],
      whole("text_delta"),
      whole("input_json_delta"),
      whole("input_json_delta"),
      ["message_delta", "message_stop"],
    ].flat(),
  );
  expect(events[0]?.data.message).toMatchObject({ content: [], stop_reason: null, usage: { output_tokens: 1 } });
  const json = events.filter(({ data }) => data.delta?.type === "input_json_delta").map(({ data }) => data.delta?.partial_json);
  expect(json[0]).toBe("");
  const starts = events.filter(({ name }) => name === "content_block_start").map(({ data }) => data.content_block);
  expect(starts[2]).toMatchObject({ type: "tool_use", input: {}, caller: { type: "direct" } });
  expect(events.at(-2)?.data).toMatchObject({ delta: { stop_reason: "tool_use", stop_sequence: null, container: null } });
});

const deliveries: readonly Delivery[] = [
  {},
  { split: 1 },
  { split: 3 },
  { split: "characters" },
  { split: "escapes" },
  { deltaCharacters: 1 },
  { deltaCharacters: 1, split: 1, unknownEvents: true },
  { headersAfterMs: 30, firstByteAfterMs: 30, betweenEventsMs: 1 },
];

test.each(deliveries)("the SDK puts together the same message, delivered with %j", async (delivery) => {
  await using double = await startDouble({ key: KEY, script: [{ ...rich, ...delivery }] });
  const message = await clientOf(double).messages.stream(params).finalMessage();
  const { parsed_output: _, ...received } = message;
  expect(received).toEqual(double.requests[0]?.message);
  expect(message.content).toMatchObject([
    { type: "thinking", thinking: "Grüße überlegen 🤔" },
    { type: "text", text: 'Ich sehe nach: „größer“ \\ "🙂"\n' },
    { type: "tool_use", input: { path: 'C:\\tmp é "x"', deep: { a: [1, 2] } } },
    { type: "tool_use", input: {} },
  ]);
});

test("the SDK's stream tells of text, thinking, input, blocks and the message, each in order", async () => {
  await using double = await startDouble({ key: KEY, script: [rich] });
  const told: string[] = [];
  const stream = clientOf(double).messages.stream(params);
  for (const event of ["connect", "text", "thinking", "signature", "inputJson", "contentBlock", "message", "finalMessage", "end"] as const)
    stream.on(event, () => void (told.at(-1) === event || told.push(event)));
  await stream.done();
  expect(told.join(" ")).toBe(
    "connect thinking signature contentBlock text contentBlock inputJson contentBlock inputJson contentBlock message finalMessage end",
  );
});

test("the same answer without a stream", async () => {
  await using double = await startDouble({ key: KEY, script: [{ ...rich, split: 7 }] });
  const message = await clientOf(double).messages.create({ ...params, stream: false } as Anthropic.MessageCreateParamsNonStreaming);
  expect(message).toEqual(double.requests[0]?.message);
});

test.each([
  ["refusal", { stop_details: { type: "refusal", category: "cyber", explanation: null } }],
  ["max_tokens", {}],
  ["model_context_window_exceeded", {}],
  ["stop_sequence", { stop_sequence: "END" }],
] as const)("stop reason %s with partial content", async (stop_reason, more) => {
  await using double = await startDouble({ key: KEY, script: [{ content: [{ type: "text", text: "I was ab" }], stop_reason, ...more }] });
  const message = await clientOf(double).messages.stream(params).finalMessage();
  expect(message).toMatchObject({ stop_reason, content: [{ text: "I was ab" }], ...more });
});

test("an input cut off by max_tokens is repaired by the SDK, so only the stop reason tells", async () => {
  const cut: Answer = { content: [{ type: "tool_use", name: "look", json: '{"path":"/etc","deep":{"a":[1,' }], stop_reason: "max_tokens" };
  await using double = await startDouble({ key: KEY, script: [cut, cut] });
  const streamed = await clientOf(double).messages.stream(params).finalMessage();
  expect(streamed).toMatchObject({ stop_reason: "max_tokens", content: [{ input: { path: "/etc", deep: { a: [1] } } }] });
  const whole = await clientOf(double).messages.create({ ...params, stream: false } as Anthropic.MessageCreateParamsNonStreaming);
  expect(whole.content).toMatchObject([{ input: {} }]);
});

test("a turn may be a function of the request", async () => {
  await using double = await startDouble({
    key: KEY,
    script: [({ number, body }) => ({ content: [{ type: "text", text: `${number} ${body.messages.length}` }] })],
  });
  expect(await clientOf(double).messages.stream(params).finalText()).toBe("0 1");
});

test("a client that goes away is noticed", async () => {
  await using double = await startDouble({ key: KEY, script: [{ ...rich, betweenEventsMs: 50 }] });
  const stream = clientOf(double).messages.stream(params);
  stream.on("streamEvent", () => stream.abort());
  await expect(stream.done()).rejects.toThrow("aborted");
  await expect.poll(() => double.requests[0]?.closedEarly).toBe(true);
});

test("an unknown model in a stream is an ordinary error", async () => {
  await using double = await startDouble({ key: KEY, script: [] });
  const response = await asked(double, bodyWith({ stream: true, model: "claude-0" }));
  expect([response.status, response.headers.get("content-type")]).toEqual([404, "application/json"]);
});
