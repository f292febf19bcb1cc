/** What was said between one person and the interpreter, as text (JSON) that the store does not look into. */
export interface ConversationRecord {
  readonly id: string;
  readonly owner: string;
  readonly usedAt: number;
  readonly state: string;
}

/** How many conversations are kept, those used last: of all, of one person; how many bytes of them; and how long one is kept that nobody goes on with, in milliseconds. */
export interface ConversationLimits {
  readonly all: number;
  readonly perOwner: number;
  readonly bytes: number;
  readonly idleMs: number;
}

export interface ConversationStore {
  get(id: string): Promise<ConversationRecord | undefined>;
  /** Keeps a conversation as it is now, and forgets those that are over the limits. */
  put(record: ConversationRecord, limits: ConversationLimits): Promise<void>;
}
