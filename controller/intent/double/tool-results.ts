import type { Block, Said } from "./blocks.ts";

const ID = /^[a-zA-Z0-9_-]+$/;

const idsOf = (blocks: readonly Block[], type: string, key: string): readonly string[] =>
  blocks.filter((block) => block.type === type).map((block) => String(block[key]));

const repeated = (ids: readonly string[]) => ids.find((id, index) => ids.indexOf(id) !== index);

/** Yields what is wrong between tool uses and their results (rules 18 and 19): all answered, in the very next message, before any text. */
export function* toolResultProblems(said: readonly Said[]): Iterable<string> {
  const used = said.flatMap(({ blocks }) => idsOf(blocks, "tool_use", "id"));
  const malformed = used.find((id) => !ID.test(id));
  if (malformed !== undefined) yield `tool_use.id: String should match pattern '${ID.source}'`;
  if (repeated(used) !== undefined) yield `messages: \`tool_use\` ids must be unique: ${repeated(used)}`;
  for (const [index, message] of said.entries()) {
    yield* unansweredProblems(message, said[index + 1]);
    yield* unexpectedProblems(message, said[index - 1]);
  }
}

function* unansweredProblems(message: Said, next: Said | undefined): Iterable<string> {
  const leading = next?.role === "user" ? next.blocks.slice(0, countLeading(next.blocks)) : [];
  const answered = idsOf(leading, "tool_result", "tool_use_id");
  const open = idsOf(message.blocks, "tool_use", "id").filter((id) => !answered.includes(id));
  if (open.length > 0)
    yield `${message.at}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${open.join(", ")}.`;
}

function countLeading(blocks: readonly Block[]): number {
  const other = blocks.findIndex(({ type }) => type !== "tool_result");
  return other === -1 ? blocks.length : other;
}

function* unexpectedProblems(message: Said, previous: Said | undefined): Iterable<string> {
  const results = idsOf(message.blocks, "tool_result", "tool_use_id");
  const asked = previous?.role === "assistant" ? idsOf(previous.blocks, "tool_use", "id") : [];
  const unknown = results.find((id) => !asked.includes(id));
  if (unknown !== undefined) yield `${message.at}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${unknown}.`;
  if (repeated(results) !== undefined) yield `${message.at}: multiple \`tool_result\` blocks with id ${repeated(results)}`;
}
