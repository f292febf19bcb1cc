import { digest, partChain, type Segment } from "./prompt.ts";

/** What a thinking block is bound to, each as a digest, in the order in which the parts stand in a signature. */
const BOUND = ["model", "tools", "system", "messages", "thinking"] as const;

/** The signatures that stood before a tool use when it was issued, by the id of the tool use. */
export type Issued = Map<string, readonly string[]>;

/** Returns the signature of a thinking block that follows `before` (rule 21). It carries its own proof, so no state is needed to check it. */
export function signatureOf(model: string, before: readonly Segment[], thinking: string): string {
  const last = (part: Segment["part"]) => partChain(part, before).at(-1) ?? "";
  return encode([model, last("tools"), last("system"), last("messages"), thinking]);
}

function encode(parts: readonly string[]): string {
  return Buffer.from(parts.map((part) => digest(part).slice(0, 24)).join(".")).toString("base64");
}

function changedParts(given: string, expected: string): readonly string[] {
  const [was, is] = [given, expected].map((text) => Buffer.from(text, "base64").toString().split("."));
  return was?.length === BOUND.length ? BOUND.filter((_, index) => was[index] !== is?.[index]) : ["signature"];
}

/** Yields thinking blocks that do not come back as they were issued, or whose model, tools, system prompt or earlier messages changed. */
export function* signatureProblems(model: string, segments: readonly Segment[], issued: Issued): Iterable<string> {
  yield* changeProblems(model, segments);
  yield* omissionProblems(segments, issued);
}

function* changeProblems(model: string, segments: readonly Segment[]): Iterable<string> {
  const tools = partChain("tools", segments).at(-1) ?? "";
  const system = partChain("system", segments).at(-1) ?? "";
  const messages = partChain("messages", segments);
  const said = segments.filter(({ part }) => part === "messages");
  for (const [index, { block, at }] of said.entries()) {
    const given = sealOf(block);
    if (given === undefined) continue;
    const expected = encode([model, tools, system, messages[index - 1] ?? "", String(block.thinking ?? "")]);
    if (given === expected) continue;
    yield `${at}: Invalid \`signature\` in \`thinking\` block. Changed since it was issued: ${changedParts(given, expected).join(", ")}`;
  }
}

function* omissionProblems(segments: readonly Segment[], issued: Issued): Iterable<string> {
  let seals: string[] = [];
  for (const { role, block, at } of segments) {
    if (role !== "assistant") seals = [];
    const seal = sealOf(block);
    if (seal !== undefined) seals.push(seal);
    const wanted = block.type === "tool_use" ? (issued.get(String(block.id)) ?? []) : [];
    const found = seals.slice(seals.length - wanted.length);
    if (wanted.some((signature, index) => signature !== found[index]))
      yield `${at}: the \`thinking\` blocks issued before this \`tool_use\` must come back unchanged and in order`;
  }
}

function sealOf(block: Segment["block"]): string | undefined {
  if (block.type === "thinking") return String(block.signature);
  return block.type === "redacted_thinking" ? String(block.data) : undefined;
}
