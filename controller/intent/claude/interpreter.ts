import type { Intent } from "../../../schemas/intent.ts";
import type { Objection } from "../check.ts";
import type { Understanding } from "../grammar/interpret.ts";
import type { Known } from "../known.ts";
import type { Reader } from "../reader.ts";
import type { Thread } from "./thread.ts";

export interface InterpretInput {
  readonly sentence: string;
  readonly known: Known;
  readonly reader: Reader;
  readonly thread: Thread;
  readonly caller: string;
  readonly grammar: Understanding;
  /** What the checks by code say about a proposed intent. */
  readonly objections: (intent: Intent) => readonly Objection[];
}

/** What came of it: a typed intent, an answer in words to a question, or why there is none. */
export type Interpreted = { readonly cost?: string | undefined } & (
  | { readonly intent: Intent }
  | { readonly text: string }
  | { readonly failed: string }
);

/** Who reads a sentence beside the grammar. */
export interface Interpreter {
  interpret(input: InterpretInput): Promise<Interpreted>;
  /** Lets it know, with the next sentence, what became of its proposal. */
  tell(thread: Thread, what: string): void;
}
