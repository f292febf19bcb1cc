import type Anthropic from "@anthropic-ai/sdk";
import { expect, test } from "vitest";
import { bodyWith, clientOf, KEY, OPUS, post } from "./ask.ts";
import { startDouble } from "./double.ts";
import type { Script } from "./script.ts";

const script: Script = Array.from({ length: 40 }, () => ({ content: [{ type: "text", text: "Yes" }] }));
const minute = 60_000;
const long = (words: string) => words.repeat(Math.ceil(4_000 / words.length));
const marker = (ttl: "5m" | "1h") => ({ cache_control: { type: "ephemeral", ttl } }) as const;

type Message = Anthropic.MessageParam;
const asking = (system: string, messages: Message[], ttl: "5m" | "1h" = "1h"): Anthropic.MessageCreateParamsNonStreaming => ({
  model: OPUS,
  max_tokens: 100,
  system: [{ type: "text", text: system, ...marker(ttl) }],
  messages,
});
const hello: Message = { role: "user", content: "Hello" };

test("rule 23: the second request reads what the first wrote, and all tokens are accounted for", async () => {
  await using double = await startDouble({ key: KEY, script });
  const client = clientOf(double);
  const { input_tokens: total } = await client.messages.countTokens({ model: OPUS, system: long("rules "), messages: [hello] });
  const first = (await client.messages.create(asking(long("rules "), [hello]))).usage;
  const second = (await client.messages.create(asking(long("rules "), [{ role: "user", content: "Other" }]))).usage;
  expect(first.cache_creation).toEqual({ ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: first.cache_creation_input_tokens });
  expect(first.input_tokens + Number(first.cache_creation_input_tokens)).toBe(total);
  expect([second.cache_read_input_tokens, second.cache_creation_input_tokens]).toEqual([first.cache_creation_input_tokens, 0]);
});

test("rule 23: short prefixes and requests without markers are not cached", async () => {
  await using double = await startDouble({ key: KEY, script });
  const client = clientOf(double);
  for (const params of [asking("short", [hello]), { ...asking(long("a "), [hello]), system: long("a ") }])
    for (const _ of [1, 2])
      expect((await client.messages.create(params)).usage).toMatchObject({ cache_read_input_tokens: 0, cache_creation_input_tokens: 0 });
});

test("rule 23: another system prompt, model or time misses", async () => {
  let now = 0;
  await using double = await startDouble({ key: KEY, script, now: () => now });
  const read = async (params: Anthropic.MessageCreateParamsNonStreaming) =>
    (await clientOf(double).messages.create(params)).usage.cache_read_input_tokens;
  const params = asking(long("rules "), [hello], "5m");
  expect(await read(params)).toBe(0);
  expect(await read(asking(long("others "), [hello], "5m"))).toBe(0);
  expect(await read({ ...params, model: "claude-sonnet-5-5" })).toBe(0);
  now = 4 * minute;
  expect(await read(params)).toBeGreaterThan(900);
  now = 8 * minute;
  expect(await read(params), "reading prolongs").toBeGreaterThan(900);
  now = 14 * minute;
  expect(await read(params)).toBe(0);
});

test("rule 23: automatic caching grows with the conversation and looks back 20 blocks", async () => {
  await using double = await startDouble({ key: KEY, script });
  const client = clientOf(double);
  const turns = (count: number): Message[] => [
    { role: "user", content: long("question ") },
    ...Array.from({ length: count }, (_, index) => [
      { role: "assistant", content: `answer ${index}` } as const,
      { role: "user", content: `next ${index}` } as const,
    ]).flat(),
  ];
  const usage = async (count: number) =>
    (await client.messages.create({ model: OPUS, max_tokens: 100, cache_control: { type: "ephemeral" }, messages: turns(count) })).usage;
  const first = await usage(0);
  expect(first.cache_creation).toMatchObject({ ephemeral_5m_input_tokens: first.cache_creation_input_tokens });
  expect((await usage(1)).cache_read_input_tokens).toBe(first.cache_creation_input_tokens);
  expect((await usage(11)).cache_read_input_tokens).toBeGreaterThan(Number(first.cache_creation_input_tokens));
  expect((await usage(22)).cache_read_input_tokens).toBe(0);
});

test("max_tokens 0 fills the cache and takes no turn", async () => {
  await using double = await startDouble({ key: KEY, script });
  const params = asking(long("rules "), [hello]);
  const warmed = await post(double, { ...params, max_tokens: 0 });
  expect(warmed.json).toMatchObject({ content: [], stop_reason: "max_tokens" });
  expect(double.turnsLeft()).toBe(script.length);
  expect((await clientOf(double).messages.create(params)).usage.cache_read_input_tokens).toBeGreaterThan(900);
});

test("diagnostics say why a prefix was not met again", async () => {
  await using double = await startDouble({ key: KEY, script });
  const client = clientOf(double);
  const params = asking("rules", [hello]);
  const first = await client.messages.create({ ...params, diagnostics: { previous_message_id: null } });
  expect(first.diagnostics).toBeNull();
  const diagnostics = { previous_message_id: first.id };
  const more: Message[] = [hello, { role: "assistant", content: "Yes" }, { role: "user", content: "Good" }];
  const reason = async (over: Partial<Anthropic.MessageCreateParamsNonStreaming>) =>
    (await client.messages.create({ ...params, diagnostics, ...over })).diagnostics?.cache_miss_reason?.type;
  expect(await reason({ messages: more })).toBeUndefined();
  expect(await reason({ model: "claude-sonnet-5-5" })).toBe("model_changed");
  expect(await reason({ tools: [{ name: "look", input_schema: { type: "object" } }] })).toBe("tools_changed");
  expect(await reason({ system: "other" })).toBe("system_changed");
  expect(await reason({ messages: [{ role: "user", content: "Bye" }] })).toBe("messages_changed");
  expect(await reason({ thinking: { type: "adaptive" } })).toBe("unavailable");
  expect(await reason({ diagnostics: { previous_message_id: "msg_none" } })).toBe("previous_message_not_found");
  expect((await post(double, bodyWith({ diagnostics: { previous: 1 } }))).status).toBe(400);
});
