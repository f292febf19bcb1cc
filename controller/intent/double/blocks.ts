import { type Fields, isFields } from "./shape.ts";

/** A content block of a request, before or after its shape was checked. */
export type Block = Fields & { readonly type: string };

/** One message of a request with its content as blocks; `at` is its path. */
export interface Said {
  readonly at: string;
  readonly role: string;
  readonly blocks: readonly Block[];
}

/** Returns content as blocks: a string stands for one text block. */
export function blocksOf(content: unknown): readonly Block[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  return Array.isArray(content) ? (content as Block[]) : [];
}

/** Returns the messages of a request with their content as blocks. Consecutive messages of one role stay apart. */
export function saidIn(body: Fields): readonly Said[] {
  const messages = Array.isArray(body.messages) ? body.messages : [];
  return messages.filter(isFields).map((message, index) => ({
    at: `messages.${index}`,
    role: String(message.role),
    blocks: blocksOf(message.content),
  }));
}

/** Returns the blocks of a request that use a tool or carry a result. */
export function toolBlocks(said: readonly Said[]): readonly Block[] {
  return said.flatMap(({ blocks }) => blocks.filter(({ type }) => type === "tool_use" || type === "tool_result"));
}
