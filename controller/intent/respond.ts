import { createTwoFilesPatch } from "diff";
import type { CommandView, FileEdit } from "../../schemas/api.ts";
import type { Intent, IntentQuestion } from "../../schemas/intent.ts";
import { error } from "../../schemas/problem.ts";
import type { KindTable } from "../kinds/define.ts";
import type { Caller, Controller } from "../loop/controller.ts";
import type { ConversationStore } from "../store/conversations.ts";
import { check, type CheckInput } from "./check.ts";
import type { Interpreter } from "./claude/interpreter.ts";
import { confirmation } from "./confirmation.ts";
import type { Context } from "./context.ts";
import type { Conversation } from "./conversation.ts";
import { type Proposal, propose, sayProblems } from "./propose.ts";
import { questionNamed } from "./questions/index.ts";
import { nameList } from "./questions/say.ts";
import type { Reader } from "./reader.ts";
import { resolve } from "./resolve.ts";
import type { Asked } from "./understand.ts";

/** What a conversation needs beside the sentence. */
export interface ConverseOptions {
  readonly controller: Controller;
  readonly kinds: KindTable;
  readonly context: Context;
  /** Where conversations are kept. */
  readonly store: ConversationStore;
  /** Claude; absent without a key. */
  readonly claude?: Interpreter | undefined;
  readonly newId: () => string;
  readonly now: () => number;
}

/** What a sentence came to, before it has an id. */
export type Outcome = Omit<CommandView, "id" | "command" | "conversation" | "problems"> & {
  readonly problems?: CommandView["problems"];
  readonly proposal?: Proposal | undefined;
};

/** One sentence on its way to an outcome. `at`: RFC 3339, the moment of restarts. */
export interface Turn {
  readonly asked: Asked;
  readonly conversation: Conversation;
  readonly at: string;
  readonly options: ConverseOptions;
}

/** Claude or the grammar makes the intent; code does the rest. */
export async function respond(turn: Turn, caller: Caller): Promise<Outcome> {
  const { asked, conversation } = turn,
    { claude } = turn.options,
    notes: string[] = [];
  let intent = asked.grammar.intent,
    cost: string | undefined;
  if (claude !== undefined && asked.options.offline !== true) {
    const checks = checkInput(asked, conversation);
    const said = await claude.interpret({
      sentence: asked.reply,
      known: asked.known,
      reader: asked.reader,
      thread: conversation.thread,
      caller: caller.name,
      grammar: asked.grammar,
      objections: (proposed) => check(proposed, checks()).objections,
    });
    remember(asked.reader, conversation);
    cost = said.cost;
    if ("text" in said) {
      const claims = asked.grammar.intent.kind === "change" ? "\nNote: nothing was changed." : "";
      return { status: "answered", source: "claude", text: `${said.text}${claims}` };
    }
    if ("intent" in said) intent = said.intent;
    else notes.push(`Claude could not be asked (${said.failed}); the offline grammar read this.`);
  }
  intent = { ...intent, taint: [...conversation.taint].slice(0, 100) };
  const outcome = await act(intent, turn, { notes: [...notes, ...(intent.source === "offline" ? asked.grammar.notes : [])], cost });
  return { ...outcome, source: intent.source };
}

const checkInput = (asked: Asked, conversation: Conversation) => (): CheckInput => ({
  sentence: asked.sentence,
  said: [...conversation.said, asked.sentence],
  known: asked.known,
  within: asked.options.targetAgents,
  grammar: asked.grammar,
  named: conversation.taint.size + asked.reader.taint.size === 0 ? undefined : conversation.named,
});

/** What was read from hosts taints a conversation for good. */
function remember({ taint, lines }: Reader, conversation: Conversation): void {
  for (const source of taint) conversation.taint.add(source);
  conversation.lines.push(...lines.filter((line) => !conversation.lines.includes(line)));
  conversation.lines.splice(0, Math.max(0, conversation.lines.length - 40));
}

interface Extra {
  readonly notes: readonly string[];
  readonly cost?: string | undefined;
}

async function act(intent: Intent, turn: Turn, extra: Extra): Promise<Outcome> {
  const notes = extra.notes.length === 0 ? "" : `\n${extra.notes.map((text) => `Note: ${text}`).join("\n")}`;
  if (intent.kind === "refuse")
    return {
      status: "refused",
      text: `${intent.refusal?.text ?? "This cannot be done."}${notes}`,
      problems: [error(`intent/${intent.refusal?.reason ?? "unsupported"}`, intent.refusal?.text ?? "This cannot be done.")],
    };
  if (intent.kind === "clarify") return clarify(intent.question!, turn, notes);
  if (intent.kind === "query") return query(intent, turn, extra);
  return change(intent, turn, extra);
}

function clarify(question: IntentQuestion, { asked, conversation }: Turn, notes: string): Outcome {
  conversation.pending = { sentence: asked.sentence, question };
  return {
    status: "clarify",
    text: `${question.text}${notes}`,
    ...(question.candidates.length === 0 ? {} : { choices: question.candidates.map(({ label }) => label) }),
  };
}

async function query(intent: Intent, turn: Turn, extra: Extra): Promise<Outcome> {
  const { asked, conversation } = turn;
  const asking = intent.query === undefined ? undefined : questionNamed(intent.query.ask),
    resolved = intent.query === undefined ? undefined : resolve(intent.query.selector, asked.known, asked.options.targetAgents);
  if (asking === undefined || resolved === undefined || intent.query === undefined)
    return { status: "refused", text: "This question is not understood." };
  if ("problem" in resolved) return { status: "refused", text: resolved.problem };
  const found = await asking.answer(intent.query.params, resolved.hosts, asked.reader);
  remember(asked.reader, conversation);
  const unknown = resolved.unknown.length === 0 ? "" : `\nNot known of ${nameList(resolved.unknown.map(({ name }) => name))}.`;
  const text = `${found.text}${unknown}${extra.notes.map((one) => `\nNote: ${one}`).join("")}`;
  if (found.proposal === undefined || asked.options.dryRun === true) return { status: "answered", text };
  const mend: Intent = {
    kind: "change",
    steps: found.proposal.steps,
    scopeQuote: intent.scopeQuote,
    taint: [...conversation.taint].slice(0, 100),
    source: "offline",
  };
  const offered = await change(mend, turn, { notes: [] });
  if (offered.proposal === undefined || !asked.options.requireConfirmation) return { status: "answered", text };
  return { ...offered, text: `${text}\n\nThis would mend it:\n${offered.text}` };
}

/** A change: checked, compiled, planned, and shown. Nothing is written. */
export async function change(intent: Intent, turn: Turn, extra: Extra): Promise<Outcome> {
  const { asked, conversation, at, options } = turn;
  const { steps, objections } = check(intent, checkInput(asked, conversation)());
  const refused = objections.find(({ weight }) => weight === "refuse");
  if (refused !== undefined) return { status: "refused", text: refused.text, problems: [error(`intent/${refused.code}`, refused.text)] };
  if (objections.length > 0) return clarify({ text: objections.map(({ text }) => text).join("\n"), candidates: [] }, turn, "");
  const proposed = await propose({
    intent,
    steps,
    known: asked.known,
    reader: asked.reader,
    controller: options.controller,
    kinds: options.kinds,
    now: at,
  });
  if ("nothing" in proposed) return { status: "answered", text: proposed.nothing };
  if ("question" in proposed) return clarify(proposed.question, turn, "");
  if ("refusal" in proposed)
    return {
      status: "refused",
      text: proposed.refusal.text,
      problems: [error(`intent/${proposed.refusal.reason}`, proposed.refusal.text)],
    };
  if ("problems" in proposed)
    return {
      status: "refused",
      text: `The manifests would have problems:\n${sayProblems(proposed.problems)}`,
      problems: [...proposed.problems],
    };
  const { proposal } = proposed;
  return {
    status: asked.options.dryRun === true ? "preview" : "waiting-for-confirmation",
    text: confirmation({
      sentence: asked.sentence,
      ...proposal,
      notes: extra.notes,
      taint: intent.taint,
      lines: conversation.lines,
      cost: extra.cost,
    }),
    edits: [...proposal.edits],
    diff: await diffOf(proposal.edits, options.controller),
    plan: proposal.plan,
    ...(intent.taint.length === 0 ? {} : { tainted: true }),
    digest: proposal.plan.digest,
    problems: proposal.warnings.filter(({ where }) => proposal.compiled.touched.includes(where?.resource ?? "")),
    proposal,
  };
}

async function diffOf(edits: readonly FileEdit[], controller: Pick<Controller, "fileText">): Promise<string> {
  const pieces = await Promise.all(
    edits.map(async ({ path, text }) =>
      createTwoFilesPatch(`a/${path}`, `b/${path}`, (await controller.fileText(path)) ?? "", text ?? "", undefined, undefined, {
        context: 3,
      }),
    ),
  );
  return pieces.join("").slice(0, 200_000);
}
