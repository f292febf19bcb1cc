import type { Clock } from "../../agent/runtime/clock.ts";
import type { Dirty, Watcher } from "../../agent/runtime/verbs.ts";
import type { ProbeInput } from "../../schemas/verbs/index.ts";

/** One guest every so many milliseconds: three to five calls each, thirty a minute at most beside the 66 of the inventory. */
const everyMs = 10_000;

/** Looks at one guest after the other now and then, in turn: a configuration that is edited begins no task and moves no list. */
export function sweep(watcher: Watcher<"guest">, dirty: Dirty<"guest">, clock: Clock): Watcher<"guest"> {
  let inputs: readonly ProbeInput<"guest">[] = [],
    at = 0,
    cancel: (() => void) | undefined;
  const next = (): void => {
    cancel = clock.after(everyMs, () => {
      const input = inputs[at % Math.max(1, inputs.length)];
      at += 1;
      if (input !== undefined) dirty(input);
      next();
    });
  };
  next();
  return {
    set(wanted) {
      inputs = wanted;
      return watcher.set(wanted);
    },
    close() {
      cancel?.();
      return watcher.close();
    },
  };
}
