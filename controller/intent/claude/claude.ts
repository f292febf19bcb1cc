import { own } from "../own.ts";
import Anthropic from "@anthropic-ai/sdk";
import type { Intent } from "../../../schemas/intent.ts";
import { failureOf } from "./ask.ts";
import type { Interpreted, Interpreter, InterpretInput } from "./interpreter.ts";
import { digestOf, inventoryText, namedRows } from "./inventory.ts";
import { systemPrompt } from "./prompt.ts";
import { intentOf } from "./proposal.ts";
import { readingTools } from "./read.ts";
import { type ClaudeOptions, type Cost, type Means, request, sayCost } from "./request.ts";
import { createSpending, type Spending } from "./spending.ts";
import { noThread, type Thread } from "./thread.ts";
import { ending, tools } from "./tools.ts";

export interface Claude extends Interpreter {
  /** Whether the key and the model are accepted; undefined: yes, else why not. Asked once at start. */
  unfit(): Promise<string | undefined>;
  readonly spending: Spending;
}

const limits = { calls: 14, resultCharacters: 16_000, tokensPerConversation: 600_000 };

/** Claude as an interpreter: an own loop over the Messages API, so that no tool is ever run that is not read-only. */
export function createClaude(options: ClaudeOptions): Claude {
  const client = new Anthropic({
    apiKey: options.apiKey,
    authToken: null,
    timeout: options.timeoutMs,
    maxRetries: options.maxRetries ?? 2,
    logLevel: "off",
    ...(options.baseURL === undefined ? {} : { baseURL: options.baseURL }),
  });
  const spending = createSpending(options.store, options.limits, options.now);
  return {
    spending,
    interpret: (input) => interpret(input, { options, client, spending }),
    tell: (thread, what) => void thread.told.push(what),
    async unfit() {
      try {
        for await (const model of client.models.list()) if (model.id === options.model) return undefined;
        return `there is no model ${options.model}`;
      } catch (thrown) {
        return failureOf(thrown)?.text ?? "it could not be asked";
      }
    },
  };
}

/** A turn that fails leaves the history as it was: what is bound to it stays valid. */
async function interpret(input: InterpretInput, means: Means): Promise<Interpreted> {
  const { thread, caller } = input,
    { options, spending } = means;
  const exhausted =
    (await spending.exhausted(caller)) ??
    (thread.tokens >= (options.tokensPerConversation ?? limits.tokensPerConversation)
      ? "this conversation has used up its tokens"
      : undefined);
  if (exhausted !== undefined) return { failed: exhausted };
  rebase(thread, options.model);
  const before = { length: thread.messages.length, owed: thread.owed, told: thread.told, inventory: thread.inventory },
    cost: Cost = { dollars: 0, tokens: 0 };
  try {
    const outcome = await converse(input, means, cost);
    if ("failed" in outcome) restore(thread, before);
    return { ...outcome, cost: sayCost(cost, options) };
  } catch (thrown) {
    restore(thread, before);
    const failure = failureOf(thrown);
    if (failure === undefined) throw thrown;
    return { failed: failure.text, cost: sayCost(cost, options) };
  }
}

/** A history is bound to the model, the system prompt and the tools; one that was kept for others cannot be gone on with. */
function rebase(thread: Thread, model: string): void {
  const basis = digestOf(JSON.stringify([model, systemPrompt, tools]));
  if (thread.basis === basis) return;
  if (thread.messages.length > 0) Object.assign(thread, { ...noThread(), tokens: thread.tokens });
  thread.basis = basis;
}

function restore(
  thread: Thread,
  { length, owed, told, inventory }: { length: number; owed: Thread["owed"]; told: Thread["told"]; inventory: string },
): void {
  thread.messages.length = length;
  [thread.owed, thread.told, thread.inventory] = [owed, told, inventory];
}

type Turn = { readonly intent: Intent } | { readonly text: string } | { readonly failed: string };

async function converse(input: InterpretInput, means: Means, cost: Cost): Promise<Turn> {
  const { thread } = input,
    repair = { left: means.options.repairs, last: "" };
  thread.messages.push({ role: "user", content: opening(input) });
  let nudged = false;
  for (let call = 0; call < limits.calls; call++) {
    const exhausted = call === 0 ? undefined : await means.spending.exhausted(input.caller);
    if (exhausted !== undefined) return { failed: exhausted };
    const message = await request(input, means, cost),
      said = textOf(message);
    if (message.stop_reason === "refusal") return { failed: "it declined to read this" };
    if (message.stop_reason === "max_tokens" || message.stop_reason === "model_context_window_exceeded")
      return { failed: "its answer was cut off" };
    if (message.content.length === 0) return { failed: "its answer was empty" };
    thread.messages.push({ role: "assistant", content: message.content });
    const calls = message.content.filter((block) => block.type === "tool_use");
    if (calls.length === 0) {
      const wanted = !nudged && input.grammar.intent.kind === "change";
      if (!wanted) return said === "" ? { failed: "its answer was empty" } : { text: said };
      nudged = true;
      thread.messages.push({ role: "user", content: [{ type: "text", text: nudge }] });
      continue;
    }
    if (message.stop_reason !== "tool_use") return { failed: "its answer was cut off" };
    const done = await use(calls, input, repair);
    if ("turn" in done) return done.turn;
    thread.messages.push({ role: "user", content: done.results });
  }
  return { failed: "it came to no end" };
}

const nudge =
  "Nothing is changed by words. If a change is meant, call propose_change; if something is open, ask_clarification; if it cannot be done, cannot_do. If it was only a question, answer it again.";

/** The first message of a turn: owed results first, then what is known of the fleet where that changed, then the sentence. */
function opening({ sentence, known, thread }: InterpretInput): Anthropic.ContentBlockParam[] {
  const inventory = inventoryText(known),
    digest = digestOf(inventory),
    rows = namedRows(sentence, known),
    told = thread.told.join(" ");
  const blocks: Anthropic.ContentBlockParam[] = [...thread.owed];
  if (told !== "") blocks.push({ type: "text", text: told });
  if (digest !== thread.inventory) blocks.push({ type: "text", text: `Inventory (data): ${inventory}` });
  if (rows.length > 0) blocks.push({ type: "text", text: `Hosts that the request mentions (data): ${JSON.stringify(rows)}` });
  blocks.push({ type: "text", text: `Request: ${sentence}` });
  [thread.owed, thread.told, thread.inventory] = [[], [], digest];
  return blocks;
}

const textOf = (message: Anthropic.Message): string =>
  message.content
    .flatMap((block) => (block.type === "text" ? [block.text] : []))
    .join("\n")
    .trim();

interface Repair {
  left: number;
  last: string;
}

type Results = Anthropic.ToolResultBlockParam[];

/** Answers every call of a message in one message of results; an ending call that holds ends the turn, its result is owed to the next one. */
async function use(
  calls: readonly Anthropic.ToolUseBlock[],
  input: InterpretInput,
  repair: Repair,
): Promise<{ readonly turn: Turn } | { readonly results: Results }> {
  const ends = calls.filter(({ name }) => ending.has(name));
  if (ends.length > 0 && calls.length > 1)
    return again(calls, "Call propose_change, ask_clarification or cannot_do alone, once, after reading what is needed.", repair);
  const [end] = ends;
  if (end === undefined)
    return {
      results: await Promise.all(
        calls
          .slice(0, 8)
          .map((call) => read(call, input))
          .concat(calls.slice(8).map(async (call) => failed(call, "at most 8 calls at once"))),
      ),
    };
  const made = intentOf(end, [...input.reader.taint]),
    objections = "problem" in made ? [] : made.intent.kind === "change" ? input.objections(made.intent) : [];
  const mend =
    "problem" in made
      ? made.problem
      : objections
          .filter(({ weight }) => weight === "repair")
          .map(({ text }) => text)
          .join("\n");
  if (mend !== "") return again(calls, mend, repair);
  input.thread.owed = [{ type: "tool_result", tool_use_id: end.id, content: "The person was shown this." }];
  return { turn: { intent: decided((made as { intent: Intent }).intent, objections) } };
}

/** What code objects to and no model may mend: a refusal, or a question to the person. */
function decided(intent: Intent, objections: ReturnType<InterpretInput["objections"]>): Intent {
  const refused = objections.find(({ weight }) => weight === "refuse"),
    asked = objections.filter(({ weight }) => weight === "ask");
  if (refused !== undefined)
    return {
      ...intent,
      kind: "refuse",
      steps: [],
      refusal: { reason: refused.code === "grave" ? "destructive" : "infeasible", text: refused.text.slice(0, 2000) },
    };
  return asked.length === 0
    ? intent
    : {
        ...intent,
        kind: "clarify",
        steps: [],
        question: {
          text: asked
            .map(({ text }) => text)
            .join("\n")
            .slice(0, 2000),
          candidates: [],
        },
      };
}

/** Sends a proposal back with what is wrong; not again for the same reason, and not for ever. */
function again(
  calls: readonly Anthropic.ToolUseBlock[],
  problem: string,
  repair: Repair,
): { readonly turn: Turn } | { readonly results: Results } {
  if (repair.left === 0 || repair.last === problem) return { turn: { failed: "it found no proposal that passes the checks" } };
  [repair.left, repair.last] = [repair.left - 1, problem];
  return { results: calls.map((call) => failed(call, problem)) };
}

const failed = (call: Anthropic.ToolUseBlock, problem: string): Results[number] => ({
  type: "tool_result",
  tool_use_id: call.id,
  is_error: true,
  content: problem.slice(0, 4000),
});

/** What comes from hosts is JSON with its source: data, whatever it says. */
async function read(call: Anthropic.ToolUseBlock, { reader }: InterpretInput): Promise<Results[number]> {
  const tool = own(readingTools, call.name);
  if (tool === undefined) return failed(call, `there is no tool ${call.name}`);
  const answer = await tool((call.input ?? {}) as Record<string, unknown>, reader);
  if ("problem" in answer) return failed(call, answer.problem);
  const text = JSON.stringify({ source: answer.source, untrusted: true, data: answer.data });
  return {
    type: "tool_result",
    tool_use_id: call.id,
    content:
      text.length <= limits.resultCharacters
        ? text
        : JSON.stringify({ source: answer.source, untrusted: true, truncated: true, text: text.slice(0, limits.resultCharacters) }),
  };
}
