import type { IntentQuestion } from "../../schemas/intent.ts";
import type { ConversationRecord } from "../store/conversations.ts";
import { noThread, type Thread } from "./claude/thread.ts";

/** What was said between one person and the interpreter. */
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

/** One in which nothing was said yet. */
export const newConversation = (id: string, owner: string, usedAt: number): Conversation => ({
  id,
  owner,
  said: [],
  bindings: {},
  taint: new Set(),
  lines: [],
  named: new Set(),
  thread: noThread(),
  busy: false,
  usedAt,
});

/** Characters of a kept conversation. The thread is let go beyond, since it is good for something only as a whole. */
const mostCharacters = 4_000_000;

type State = Pick<Conversation, "said" | "bindings" | "pending" | "lines" | "thread"> & {
  readonly taint: readonly string[];
  readonly named: readonly string[];
};

/** A conversation as text for the store. */
export function writeConversation({ said, bindings, pending, lines, thread, taint, named }: Conversation): string {
  const state: State = { said, bindings, pending, lines, thread, taint: [...taint], named: [...named] },
    text = JSON.stringify(state);
  return text.length <= mostCharacters ? text : JSON.stringify({ ...state, thread: { ...noThread(), tokens: thread.tokens } });
}

/** A conversation as the store kept it; nobody works on it. */
export function readConversation({ id, owner, usedAt, state }: ConversationRecord): Conversation {
  const { taint, named, ...kept } = JSON.parse(state) as State;
  return { ...newConversation(id, owner, usedAt), ...kept, taint: new Set(taint), named: new Set(named) };
}
