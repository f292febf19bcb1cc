import { askKey } from "../../schemas/canonical.ts";
import type { Ask } from "../../schemas/contract.ts";
import type { ControllerMessage } from "../../schemas/protocol.ts";

/** Characters of asks in one message: far below the size limit of a message, whatever their bytes are. */
const chunk = 512 * 1024;

/** The whole list, for an agent that just connected or whose list changes more than it stays. */
export function fullWatch(asks: readonly Ask[]): ControllerMessage[] {
  const [first = [], ...rest] = chunks(asks);
  return [{ type: "watch", asks: first }, ...rest.map((add): ControllerMessage => ({ type: "watch-change", add, remove: [] }))];
}

/** What to send to an agent that watches `before` so that it watches `after`; nothing where both are the same. */
export function changedWatch(before: readonly Ask[], after: readonly Ask[]): ControllerMessage[] {
  const had = new Map(before.map((ask) => [askKey(ask), ask])),
    has = new Map(after.map((ask) => [askKey(ask), ask]));
  const add = [...has].filter(([key]) => !had.has(key)).map(([, ask]) => ask);
  const remove = [...had].filter(([key]) => !has.has(key)).map(([, ask]) => ask);
  if (add.length === 0 && remove.length === 0) return [];
  if (add.length + remove.length >= after.length) return fullWatch(after);
  return [
    ...chunks(remove).map((part): ControllerMessage => ({ type: "watch-change", add: [], remove: part })),
    ...chunks(add).map((part): ControllerMessage => ({ type: "watch-change", add: part, remove: [] })),
  ];
}

function chunks(asks: readonly Ask[]): Ask[][] {
  const parts: Ask[][] = [];
  let size = chunk;
  for (const ask of asks) {
    const length = JSON.stringify(ask).length;
    if (size + length > chunk) {
      parts.push([]);
      size = 0;
    }
    parts.at(-1)?.push(ask);
    size += length;
  }
  return parts;
}
