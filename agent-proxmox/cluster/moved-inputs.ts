import type { By, Dirty, Watcher } from "../../agent/runtime/verbs.ts";
import type { ProbeInput, ProbeName } from "../../schemas/verbs/index.ts";
import type { Moved } from "./inventory.ts";

/** Whether what moved concerns an input, and who moved it. */
export type Concerns<N extends ProbeName> = (input: ProbeInput<N>, moved: Moved) => { readonly by?: By | undefined } | undefined;

/** Watchers over the one picture of the cluster: each look tells those whose inputs moved. */
export interface MovedInputs {
  tell(moved: Moved): void;
  watch<N extends ProbeName>(dirty: Dirty<N>, concerns: Concerns<N>): Watcher<N>;
}

export function movedInputs(): MovedInputs {
  const listeners = new Set<(moved: Moved) => void>();
  return {
    tell: (moved) => {
      for (const listener of listeners) listener(moved);
    },
    watch<N extends ProbeName>(dirty: Dirty<N>, concerns: Concerns<N>): Watcher<N> {
      let inputs: readonly ProbeInput<N>[] = [];
      const listener = (moved: Moved): void => {
        for (const input of inputs) {
          const found = concerns(input, moved);
          if (found !== undefined) dirty(input, found.by);
        }
      };
      listeners.add(listener);
      return {
        set(next) {
          inputs = next;
          return Promise.resolve();
        },
        close() {
          listeners.delete(listener);
          return Promise.resolve();
        },
      };
    },
  };
}
