import type Anthropic from "@anthropic-ai/sdk";

/** The append-only history of a conversation with Claude. */
export interface Thread {
  readonly messages: Anthropic.MessageParam[];
  /** Answers to tools of the last turn, that open the next message. */
  owed: Anthropic.ToolResultBlockParam[];
  /** What became of proposals since: said with the next message. */
  told: string[];
  /** Digest of the inventory that was shown last. */
  inventory: string;
  /** Digest of model, system prompt and tools that the messages are bound to; with others the history begins anew. */
  basis: string;
  tokens: number;
}

/** A history of nothing. */
export const noThread = (): Thread => ({ messages: [], owed: [], told: [], inventory: "", basis: "", tokens: 0 });
