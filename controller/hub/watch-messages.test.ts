import fc from "fast-check";
import { expect, test } from "vitest";
import { askKey } from "../../schemas/canonical.ts";
import type { Ask } from "../../schemas/contract.ts";
import { type ControllerMessage, maxMessage } from "../../schemas/protocol.ts";
import { changedWatch, fullWatch } from "./watch-messages.ts";

/** What an agent watches after these messages. */
function told(before: readonly Ask[], messages: readonly ControllerMessage[]): Set<string> {
  let keys = new Set(before.map(askKey));
  for (const message of messages) {
    if (message.type === "watch") keys = new Set(message.asks.map(askKey));
    if (message.type !== "watch-change") continue;
    for (const ask of message.remove) keys.delete(askKey(ask));
    for (const ask of message.add) keys.add(askKey(ask));
  }
  return keys;
}

const asks = fc.uniqueArray(
  fc.record({ probe: fc.constantFrom("file", "service"), input: fc.record({ name: fc.constantFrom(..."abcdefghij") }) }),
  { selector: askKey },
);

test("the changes bring an agent from any list to any other, and nothing is sent where both are the same", () => {
  fc.assert(
    fc.property(asks, asks, (before, after) => {
      const messages = changedWatch(before, after),
        wanted = new Set(after.map(askKey));
      expect(told(before, messages)).toEqual(wanted);
      expect(messages.length === 0).toBe(wanted.size === before.length && before.every((ask) => wanted.has(askKey(ask))));
    }),
  );
});

test("a long list comes in messages of a size that is accepted", () => {
  const long = Array.from({ length: 20_000 }, (_, i) => ({ probe: "file", input: { path: `/${"é".repeat(200)}/${i}` } }));
  const messages = fullWatch(long);
  expect(told([], messages)).toEqual(new Set(long.map(askKey)));
  for (const message of messages) expect(Buffer.byteLength(JSON.stringify(message))).toBeLessThan(maxMessage);
});

test("an empty list is a message too: nothing is to be watched any more", () => {
  expect(fullWatch([])).toEqual([{ type: "watch", asks: [] }]);
});
