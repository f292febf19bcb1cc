import { setImmediate as turn } from "node:timers/promises";

/** Runs work that yields to its end, and lets the event loop turn whenever it took `sliceMs` milliseconds at a stretch. */
export async function inPieces<T>(work: Generator<unknown, T>, sliceMs = 5): Promise<T> {
  for (let since = performance.now(); ; ) {
    const { done, value } = work.next();
    if (done === true) return value as T;
    if (performance.now() - since < sliceMs) continue;
    await turn();
    since = performance.now();
  }
}

/** Does the same to every item, with a yield after each. */
export function* each<T>(items: Iterable<T>, act: (item: T) => void): Generator<undefined, void> {
  for (const item of items) {
    act(item);
    yield;
  }
}
