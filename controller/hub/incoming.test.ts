import fc from "fast-check";
import { expect, test } from "vitest";
import { readIncoming } from "./incoming.ts";

const types = fc.constantFrom(
  "hello",
  "report",
  "progress",
  "result",
  "answer",
  "renewal",
  "pong",
  "problem",
  "ack",
  "__proto__",
  "constructor",
);

test("whatever comes, the answer is a message or a problem", () => {
  const messages = fc.oneof(
    fc.string(),
    fc.json(),
    fc
      .tuple(
        types,
        fc.dictionary(fc.constantFrom("seq", "facts", "step", "query", "value", "id", "time", "nonce", "problem"), fc.jsonValue()),
      )
      .map(([type, fields]) => JSON.stringify({ ...fields, type })),
  );
  fc.assert(
    fc.property(messages, (text) => {
      const read = readIncoming(text);
      expect("message" in read ? read.message.type : read.problem.code).toBeTypeOf("string");
    }),
  );
});

test("fields that this version does not know are ignored", () => {
  expect(readIncoming('{"type":"pong","id":1,"time":2,"novel":{"a":1}}')).toEqual({
    message: { type: "pong", id: 1, time: 2, novel: { a: 1 } },
  });
});

test("nesting deeper than anything of ours is refused, however it is hidden", () => {
  const deep = (levels: number): string => `{"type":"answer","query":"q","value":${'[{"a":'.repeat(levels)}1${"}]".repeat(levels)}}`;
  expect("message" in readIncoming(deep(20))).toBe(true);
  expect(readIncoming(deep(50_000))).toMatchObject({ kind: "broken", problem: { code: "protocol/invalid" } });
});

test.each([1e300, -1, 1e16])("a time that is none (%d) is refused: shown, it would throw far from here", (at) => {
  const event = { at, type: "job", subject: "x", text: "x" },
    fact = { ask: { probe: "service", input: {} }, at, value: {} };
  const messages = [
    { type: "report", seq: 1, facts: [], events: [event] },
    { type: "report", seq: 1, facts: [fact], events: [] },
    { type: "result", step: "s", result: { outcome: "done" }, facts: [fact] },
    { type: "pong", id: 1, time: at },
  ];
  for (const message of messages) expect(readIncoming(JSON.stringify(message))).toMatchObject({ kind: "broken" });
});
