import { error, ProblemError } from "../../schemas/problem.ts";
import type { ConversationStore } from "../store/conversations.ts";
import { type Conversation, newConversation, readConversation, writeConversation } from "./conversation.ts";

/** Conversations in the store, and in memory while they are in use. */
export interface Conversations {
  /** The conversation of this id, or a new one. Another person's is not found. */
  open(id: string | undefined, owner: string): Promise<Conversation>;
  /** Keeps it as it stands; resolves once it is on disk. One that was let go of meanwhile stays as the store has it. */
  save(conversation: Conversation): Promise<void>;
}

const limits = { all: 500, perOwner: 50, bytes: 64 * 1024 * 1024, sentences: 40, idleMs: 86_400_000 };

export function createConversations(store: ConversationStore, newId: () => string, now: () => number): Conversations {
  const known = new Map<string, Conversation>();
  const tidy = (): void => {
    const free = [...known.values()].filter(({ busy }) => !busy);
    for (const one of free) if (known.size >= limits.all || now() - one.usedAt > limits.idleMs) known.delete(one.id);
  };
  const hold = (conversation: Conversation): Conversation => {
    known.delete(conversation.id);
    tidy();
    known.set(conversation.id, conversation);
    return conversation;
  };
  const stored = async (id: string): Promise<Conversation | undefined> => {
    const record = await store.get(id);
    // It may have been opened while the store was asked: there must be one of it.
    return known.get(id) ?? (record === undefined ? undefined : readConversation(record));
  };
  return {
    async open(id, owner) {
      if (id === undefined) return hold(newConversation(newId(), owner, now()));
      const found = known.get(id) ?? (await stored(id));
      if (found === undefined || found.owner !== owner || now() - found.usedAt > limits.idleMs)
        throw new ProblemError(
          error("not-found/conversation", `There is no conversation ${id}`, {
            hint: `Conversations end after a day without a word, and of one person the newest ${limits.perOwner} are kept.`,
          }),
        );
      if (found.said.length >= limits.sentences)
        throw new ProblemError(error("conflict/conversation", "This conversation is too long", { hint: "Begin a new one." }));
      found.usedAt = now();
      return hold(found);
    },
    async save(conversation) {
      const { id, owner, usedAt } = conversation;
      if (known.get(id) === conversation) await store.put({ id, owner, usedAt, state: writeConversation(conversation) }, limits);
    },
  };
}
