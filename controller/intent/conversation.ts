import type { IntentQuestion } from "../../schemas/intent.ts";
import { error, ProblemError } from "../../schemas/problem.ts";
import type { Thread } from "./claude/thread.ts";

/** What was said between one person and the interpreter, kept in memory. */
export interface Conversation {
  readonly id: string;
  readonly owner: string;
  /** Sentences of the person, oldest first. */
  readonly said: string[];
  /** Phrases that the person explained. */
  readonly bindings: Record<string, string>;
  /** The question that waits for an answer, with the sentence that it is about. */
  pending?: { readonly sentence: string; readonly question: IntentQuestion } | undefined;
  /** Untrusted sources that were read, for good. */
  readonly taint: Set<string>;
  /** The last lines that were read from them. */
  readonly lines: string[];
  /** Hosts that the person spoke of. */
  readonly named: Set<string>;
  readonly thread: Thread;
  /** A sentence of it is worked on: the next one waits for its answer. */
  busy: boolean;
  usedAt: number;
}

export interface Conversations {
  /** The conversation of this id, or a new one. Another person's is not found. */
  open(id: string | undefined, owner: string): Conversation;
}

const limits = { conversations: 500, sentences: 40, idleMs: 86_400_000 };

export function createConversations(newId: () => string, now: () => number): Conversations {
  const known = new Map<string, Conversation>();
  const tidy = (): void => {
    for (const [id, one] of known) if (now() - one.usedAt > limits.idleMs) known.delete(id);
    while (known.size >= limits.conversations) known.delete(known.keys().next().value!);
  };
  return {
    open(id, owner) {
      if (id === undefined) {
        tidy();
        const made: Conversation = {
          id: newId(),
          owner,
          said: [],
          bindings: {},
          taint: new Set(),
          lines: [],
          named: new Set(),
          thread: { messages: [], owed: [], told: [], inventory: "", tokens: 0 },
          busy: false,
          usedAt: now(),
        };
        known.set(made.id, made);
        return made;
      }
      const found = known.get(id);
      if (found === undefined || found.owner !== owner)
        throw new ProblemError(
          error("not-found/conversation", `There is no conversation ${id}`, {
            hint: "Conversations end after a day without a word, and when the controller starts again.",
          }),
        );
      if (found.said.length >= limits.sentences)
        throw new ProblemError(error("conflict/conversation", "This conversation is too long", { hint: "Begin a new one." }));
      known.delete(id);
      known.set(id, found);
      found.usedAt = now();
      return found;
    },
  };
}
