import Anthropic from "@anthropic-ai/sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bodyWith, clientOf, KEY, OPUS, post } from "./ask.ts";
import { type Double, startDouble } from "./double.ts";
import { MODELS } from "./models.ts";

const yes = { content: [{ type: "text", text: "Yes" }] } as const;

describe("the rules about transport", () => {
  let double: Double;
  beforeAll(async () => {
    const retired = { ...MODELS[0]!, id: "claude-old", lifecycle: "retired" } as const;
    double = await startDouble({ key: KEY, script: Array.from({ length: 20 }, () => yes), models: [...MODELS, retired] });
  });
  afterAll(() => double.close());

  test("rule 1: four end points, and 404 for everything else", async () => {
    const client = clientOf(double);
    expect((await client.messages.create({ model: OPUS, max_tokens: 10, messages: [{ role: "user", content: "Hello" }] })).type).toBe(
      "message",
    );
    expect(await client.messages.countTokens({ model: OPUS, messages: [{ role: "user", content: "Hello" }] })).toMatchObject({
      input_tokens: 10,
    });
    expect((await client.models.retrieve(OPUS)).max_tokens).toBe(128_000);
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual(MODELS.map(({ id }) => id));
    expect(await post(double, {}, { path: "/v1/complete" })).toMatchObject({ status: 404, json: { error: { type: "not_found_error" } } });
    await expect(client.models.retrieve("claude-0")).rejects.toBeInstanceOf(Anthropic.NotFoundError);
  });

  test("rule 1: models by lifecycle and in pages", async () => {
    const client = clientOf(double);
    const retired = await client.models.list({ lifecycle: ["retired"] });
    expect(retired.data.map(({ id }) => id)).toEqual(["claude-old"]);
    const all: string[] = [];
    for await (const { id } of client.models.list({ limit: 2 })) all.push(id);
    expect(all).toEqual(MODELS.map(({ id }) => id));
    expect(await post(double, bodyWith({ model: "claude-old" }))).toMatchObject({ status: 404 });
  });

  test("rule 2: a credential in either header", async () => {
    for (const headers of [{ "x-api-key": KEY }, { "x-api-key": null, authorization: `Bearer ${KEY}` }])
      expect((await post(double, bodyWith(), { headers })).status).toBe(200);
    for (const headers of [{ "x-api-key": "other" }, { "x-api-key": null }, { "x-api-key": null, authorization: `Basic ${KEY}` }])
      expect(await post(double, bodyWith(), { headers })).toMatchObject({ status: 401, json: { error: { type: "authentication_error" } } });
    const asking = clientOf(double, { apiKey: "other" }).models.list();
    await expect(asking).rejects.toBeInstanceOf(Anthropic.AuthenticationError);
  });

  test("rule 3: a known version", async () => {
    for (const version of ["2026-10-21", "2023-06-01"])
      expect((await post(double, bodyWith(), { headers: { "anthropic-version": version } })).status).toBe(200);
    for (const version of [null, "2024-01-01"])
      expect((await post(double, bodyWith(), { headers: { "anthropic-version": version } })).status).toBe(400);
  });

  test("rule 4: JSON of at most 32 MB", async () => {
    for (const body of ["", "{", "[]", "null"]) expect((await post(double, body)).status).toBe(400);
    const large = bodyWith({ system: "a".repeat(32 * 1024 * 1024) });
    expect(await post(double, large)).toMatchObject({ status: 413, json: { error: { type: "request_too_large" } } });
    expect((await post(double, bodyWith({ system: "a".repeat(31 * 1024 * 1024) }))).status).toBe(200);
  });

  test("rules 5 and 6: every answer carries an id and the limits", async () => {
    for (const answer of [
      await post(double, bodyWith()),
      await post(double, {}),
      await post(double, {}, { headers: { "x-api-key": "no" } }),
    ]) {
      expect(answer.headers.get("request-id")).toMatch(/^req_01/);
      expect(answer.headers.get("anthropic-ratelimit-requests-remaining")).toMatch(/^\d+$/);
      expect(answer.headers.get("anthropic-ratelimit-output-tokens-reset")).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      if (answer.status !== 200) expect(answer.json.request_id).toBe(answer.headers.get("request-id"));
    }
  });
});

test.each([
  [400, "invalid_request_error"],
  [401, "authentication_error"],
  [402, "billing_error"],
  [403, "permission_error"],
  [404, "not_found_error"],
  [409, "conflict_error"],
  [413, "request_too_large"],
  [429, "rate_limit_error"],
  [500, "api_error"],
  [504, "timeout_error"],
  [529, "overloaded_error"],
])("rule 6: status %d is %s", async (status, type) => {
  await using one = await startDouble({ key: KEY, script: [{ status, code: "some_code" }] });
  const answer = await post(one, bodyWith());
  expect(answer).toMatchObject({ status, json: { type: "error", error: { type, details: { error_code: "some_code" } } } });
  expect(answer.headers.get("content-type")).toBe("application/json");
  expect(answer.headers.get("retry-after")).toBe(status === 429 ? "1" : null);
});

test("requests are kept with what became of them", async () => {
  await using double = await startDouble({ key: KEY, script: [yes] });
  await post(double, bodyWith());
  await post(double, { model: OPUS });
  await post(double, bodyWith());
  expect(double.turnsLeft()).toBe(0);
  expect(double.requests.map(({ path, status, error }) => [path, status, error?.type])).toEqual([
    ["/v1/messages", 200, undefined],
    ["/v1/messages", 400, "invalid_request_error"],
    ["/v1/messages", 500, "api_error"],
  ]);
  expect(double.requests[0]?.body).toEqual(bodyWith());
  expect(double.requests[0]?.message?.content).toEqual([{ type: "text", text: "Yes", citations: null }]);
});
