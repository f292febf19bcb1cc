import Anthropic from "@anthropic-ai/sdk";
import { expect, test } from "vitest";
import { clientOf, KEY, OPUS } from "./ask.ts";
import { startDouble } from "./double.ts";
import type { Answer, Fault, Turn } from "./script.ts";

const params = { model: OPUS, max_tokens: 100, messages: [{ role: "user", content: "Hello" }] } satisfies Anthropic.MessageStreamParams;
const yes: Answer = { content: [{ type: "text", text: "Yes, all of it, from here to there and back again." }] };

async function failing(script: readonly Turn[], maxRetries = 0, faults: Record<number, Fault> = {}) {
  await using double = await startDouble({ key: KEY, script, faults });
  const stream = clientOf(double, { maxRetries }).messages.stream(params);
  let text = "";
  stream.on("text", (delta) => void (text += delta));
  const error: unknown = await stream.done().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { error, text, asked: double.requests.length };
}

test.each([
  [400, "invalid_request_error", Anthropic.BadRequestError],
  [402, "billing_error", Anthropic.APIError],
  [403, "permission_error", Anthropic.PermissionDeniedError],
  [413, "request_too_large", Anthropic.APIError],
  [429, "rate_limit_error", Anthropic.RateLimitError],
  [500, "api_error", Anthropic.InternalServerError],
  [504, "timeout_error", Anthropic.InternalServerError],
  [529, "overloaded_error", Anthropic.InternalServerError],
] as const)("status %i is %s", async (status, type, kind) => {
  const { error } = await failing([{ status }]);
  expect(error).toBeInstanceOf(kind);
  expect(error).toMatchObject({ status, type, requestID: expect.stringMatching(/^req_01/) });
});

test("429 then an answer: the SDK waits as told and asks again", async () => {
  const { error, text, asked } = await failing([{ status: 429, retryAfter: 0.02 }, yes], 2);
  expect([error, text, asked]).toEqual([undefined, "Yes, all of it, from here to there and back again.", 2]);
});

test("529 three times is more than the SDK's two retries", async () => {
  const overloaded = { status: 529, retryAfter: 0.02 };
  const { error, asked } = await failing([overloaded, overloaded, overloaded, yes], 2);
  expect([(error as InstanceType<typeof Anthropic.APIError>).type, asked]).toEqual(["overloaded_error", 3]);
});

test("x-should-retry decides against the status", async () => {
  expect((await failing([{ status: 529, shouldRetry: false }, yes], 2)).asked).toBe(1);
  expect((await failing([{ status: 400, shouldRetry: true, retryAfter: 0.02 }, yes], 2)).error).toBeUndefined();
});

test("an error after 200 is an APIError without status, is not retried, and leaves the text so far", async () => {
  const broken: Answer = { ...yes, errorBefore: { place: "content_block_stop", type: "overloaded_error" } };
  const { error, text, asked } = await failing([broken, yes], 2);
  expect(error).toBeInstanceOf(Anthropic.APIError);
  expect(error).toMatchObject({ status: undefined, type: "overloaded_error" });
  expect([text, asked]).toEqual(["Yes, all of it, from here to there and back again.", 1]);
});

test.each([0, 3, "message_delta", "message_stop"] as const)(
  "a stream that ends before %s gives no message and is not retried",
  async (place) => {
    await using double = await startDouble({ key: KEY, script: [{ ...yes, cutBefore: { place, how: "end" } }, yes] });
    const error: unknown = await clientOf(double, { maxRetries: 2 })
      .messages.stream(params)
      .finalMessage()
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Anthropic.AnthropicError);
    expect(error).not.toBeInstanceOf(Anthropic.APIError);
    expect(double.requests.length).toBe(1);
  },
);

test("only finalMessage notices a stream that ends early: done() and the iterator end as if all was well", async () => {
  const cut: Answer = { ...yes, cutBefore: { place: "message_delta", how: "end" } };
  await using double = await startDouble({ key: KEY, script: [cut, cut] });
  const stream = clientOf(double).messages.stream(params);
  await stream.done();
  expect(stream.receivedMessages).toEqual([]);
  let last = "";
  for await (const event of clientOf(double).messages.stream(params)) last = event.type;
  expect(last).toBe("content_block_stop");
});

test("a connection reset in a stream is not retried; one before the answer is", async () => {
  const reset = await failing([{ ...yes, cutBefore: { place: 4, how: "reset" } }, yes], 2);
  expect(reset.error).toBeInstanceOf(Anthropic.AnthropicError);
  expect(reset.asked).toBe(1);
  const dropped = await failing([{ drop: true }, yes], 1);
  expect([dropped.error, dropped.asked]).toEqual([undefined, 2]);
  expect((await failing([{ drop: true }])).error).toBeInstanceOf(Anthropic.APIConnectionError);
});

test("a page in place of JSON, as a proxy sends it", async () => {
  const { error } = await failing([{ status: 502, text: "<h1>Bad gateway</h1>" }]);
  expect(error).toMatchObject({ status: 502, message: "502 <h1>Bad gateway</h1>" });
});

test("the SDK's timeout ends with the headers: slow headers are a timeout, a slow first byte is not", async () => {
  await using double = await startDouble({
    key: KEY,
    script: [
      { ...yes, headersAfterMs: 400 },
      { ...yes, firstByteAfterMs: 400 },
    ],
  });
  const client = clientOf(double, { maxRetries: 0, timeout: 150 });
  await expect(client.messages.stream(params).done()).rejects.toBeInstanceOf(Anthropic.APIConnectionTimeoutError);
  expect((await client.messages.stream(params).finalMessage()).content).toMatchObject(yes.content);
});

test("faults are laid over a script by number and take no turn when they refuse", async () => {
  const faults = { 0: { status: 529, retryAfter: 0.02 }, 1: { errorBefore: { place: 0, type: "api_error" } } };
  const { error, asked } = await failing([yes], 2, faults);
  expect([(error as InstanceType<typeof Anthropic.APIError>).type, asked]).toEqual(["api_error", 2]);
});

test("a script that is empty or breaks says so and is not asked again", async () => {
  const empty = await failing([], 2);
  expect([(empty.error as Error).message, empty.asked]).toEqual([expect.stringContaining("no turn 1"), 1]);
  const thrown = await failing(
    [
      () => {
        throw new Error("No such host in the request");
      },
    ],
    2,
  );
  expect([(thrown.error as Error).message, thrown.asked]).toEqual([expect.stringContaining("No such host"), 1]);
});
