import Anthropic from "@anthropic-ai/sdk";
import { expect, test } from "vitest";
import { clientOf, KEY, OPUS } from "./ask.ts";
import { type Double, startDouble } from "./double.ts";
import type { Script } from "./script.ts";

type Params = Anthropic.MessageCreateParamsNonStreaming;

const look: Anthropic.Tool = { name: "look", input_schema: { type: "object" } };
const script: Script = [
  {
    content: [
      { type: "thinking", thinking: "First I look." },
      { type: "text", text: "Looking." },
      { type: "thinking", thinking: "And once more." },
      { type: "redacted_thinking" },
      { type: "tool_use", name: "look", input: { b: 1, a: 2 } },
    ],
  },
  {
    content: [
      { type: "thinking", thinking: "Now I know." },
      { type: "text", text: "It runs." },
    ],
  },
  { content: [{ type: "text", text: "Yes." }] },
];

/** Asks, answers the tool, and returns the third request of an untouched conversation. */
async function converse(double: Double, streamed: boolean): Promise<Params> {
  const client = clientOf(double);
  const first: Params = {
    model: OPUS,
    max_tokens: 1_000,
    system: "You look at servers.",
    tools: [look],
    thinking: { type: "adaptive", display: "summarized" },
    messages: [{ role: "user", content: "Does it run?" }],
  };
  const ask = (params: Params) => (streamed ? client.messages.stream(params).finalMessage() : client.messages.create(params));
  const looked = await ask(first);
  const use = looked.content.find((block) => block.type === "tool_use");
  const second: Anthropic.MessageParam[] = [
    ...first.messages,
    { role: "assistant", content: looked.content as Anthropic.ContentBlockParam[] },
    { role: "user", content: [{ type: "tool_result", tool_use_id: use?.id ?? "", content: "active" }] },
  ];
  const known = await ask({ ...first, messages: second });
  const third: Anthropic.MessageParam[] = [
    ...second,
    { role: "assistant", content: known.content as Anthropic.ContentBlockParam[] },
    { role: "user", content: "Sure?" },
  ];
  return structuredClone({ ...first, messages: third });
}

const blocks = (params: Params, message: number) => params.messages[message]?.content as Anthropic.ContentBlockParam[];

const KEPT: Readonly<Record<string, (params: Params) => Params>> = {
  "nothing changed": (params) => params,
  "a moved cache marker": (params) => ({ ...params, cache_control: { type: "ephemeral" } }),
  "content as blocks": (params) => {
    params.messages[0] = { role: "user", content: [{ type: "text", text: "Does it run?" }] };
    return { ...params, system: [{ type: "text", text: "You look at servers.", cache_control: { type: "ephemeral", ttl: "1h" } }] };
  },
  "keys of a block in another order, defaults left out": (params) => {
    const { id, name, input } = blocks(params, 1)[4] as Anthropic.ToolUseBlockParam;
    blocks(params, 1)[4] = { name, input, id, type: "tool_use" };
    return params;
  },
  "other effort": (params) => ({ ...params, output_config: { effort: "low" } }),
};

const CHANGED: Readonly<Record<string, (params: Params) => Params | undefined | void>> = {
  "the system prompt": (params) => ({ ...params, system: "You look at servers. It is noon." }),
  "the tools": (params) => ({ ...params, tools: [{ ...look, description: "Looks" }] }),
  "one more tool": (params) => ({ ...params, tools: [look, { ...look, name: "read" }] }),
  "the model": (params) => ({ ...params, model: "claude-sonnet-5-5" }),
  "the first message": (params) => void (params.messages[0] = { role: "user", content: "Does it run? " }),
  "a message put before": (params) => void params.messages.unshift({ role: "user", content: "Hi" }),
  "a tool result cut short": (params) =>
    void (blocks(params, 2)[0] = { ...(blocks(params, 2)[0] as Anthropic.ToolResultBlockParam), content: "" }),
  "the order of keys in a tool input": (params) =>
    void (blocks(params, 1)[4] = { ...(blocks(params, 1)[4] as Anthropic.ToolUseBlockParam), input: { a: 2, b: 1 } }),
  "the text between two thinking blocks": (params) => void (blocks(params, 1)[1] = { type: "text", text: "Looking!" }),
  "the text of a thinking block": (params) => void ((blocks(params, 1)[0] as Anthropic.ThinkingBlockParam).thinking += " "),
  "a forged signature": (params) => void ((blocks(params, 1)[0] as Anthropic.ThinkingBlockParam).signature = "bm9uZQ=="),
  "changed redacted thinking": (params) => void ((blocks(params, 1)[3] as Anthropic.RedactedThinkingBlockParam).data = "bm9uZQ=="),
  "the order of thinking blocks": (params) => void blocks(params, 1).splice(0, 3, ...blocks(params, 1).slice(0, 3).reverse()),
  "a thinking block left out before a tool use": (params) => void blocks(params, 1).splice(2, 2),
  "all thinking of the tool turn left out": (params) => {
    params.messages[1] = { role: "assistant", content: blocks(params, 1).filter(({ type }) => type === "text" || type === "tool_use") };
    params.messages[3] = { role: "assistant", content: "It runs." };
  },
};

for (const streamed of [true, false]) {
  test.each(Object.keys(KEPT))(`rule 21, streamed ${streamed}: %s is accepted`, async (name) => {
    await using double = await startDouble({ key: KEY, script });
    const params = await converse(double, streamed);
    const { content } = await clientOf(double).messages.create(KEPT[name]!(params));
    expect(content).toMatchObject([{ type: "text", text: "Yes." }]);
  });
}

test.each(Object.keys(CHANGED))("rule 21: %s is refused", async (name) => {
  await using double = await startDouble({ key: KEY, script });
  const params = await converse(double, true);
  const asking = clientOf(double).messages.create(CHANGED[name]!(params) ?? params);
  await expect(asking).rejects.toBeInstanceOf(Anthropic.BadRequestError);
  expect(double.turnsLeft()).toBe(1);
});

test("rule 21: the error says which part changed", async () => {
  await using double = await startDouble({ key: KEY, script });
  const params = await converse(double, true);
  await clientOf(double)
    .messages.create({ ...params, system: "Other" })
    .catch(() => undefined);
  expect(double.requests.at(-1)?.error?.message).toMatch(/Invalid `signature` in `thinking` block.*: system$/);
});

test("thinking is empty unless a summary is asked for, and is still bound", async () => {
  await using double = await startDouble({ key: KEY, script });
  const client = clientOf(double);
  const first: Params = { model: OPUS, max_tokens: 100, tools: [look], messages: [{ role: "user", content: "Does it run?" }] };
  const { content, usage } = await client.messages.create(first);
  expect(content[0]).toMatchObject({ type: "thinking", thinking: "", signature: expect.stringMatching(/.{40}/) });
  expect(usage.output_tokens_details?.thinking_tokens).toBeGreaterThan(0);
});
