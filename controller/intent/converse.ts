import { createTwoFilesPatch } from "diff";
import type { CommandView, FileEdit } from "../../schemas/api.ts";
import type { Intent, IntentQuestion } from "../../schemas/intent.ts";
import { printSelector } from "../../schemas/selector.ts";
import { error, ProblemError } from "../../schemas/problem.ts";
import type { AskOptions, Converse } from "../http/command.ts";
import type { KindTable } from "../kinds/define.ts";
import type { Caller, Controller } from "../loop/controller.ts";
import type { Interpreter } from "./claude/interpreter.ts";
import { check, type CheckInput } from "./check.ts";
import { confirmation } from "./confirmation.ts";
import type { Context } from "./context.ts";
import { type Conversation, createConversations } from "./conversation.ts";
import { interpret, type Understanding } from "./grammar/interpret.ts";
import { readScope } from "./grammar/scope.ts";
import { fold, tokenise } from "./grammar/tokens.ts";
import { fleetNames, type Known, pick } from "./known.ts";
import { type Proposal, propose, sayProblems } from "./propose.ts";
import { questionNamed } from "./questions/index.ts";
import { nameList } from "./questions/say.ts";
import { createReader, type Reader } from "./reader.ts";
import { resolve } from "./resolve.ts";
import { reachesRole, settle } from "./settle.ts";

export interface ConverseOptions {
  readonly controller: Controller;
  readonly kinds: KindTable;
  readonly context: Context;
  /** Claude; absent without a key. */
  readonly claude?: Interpreter | undefined;
  readonly newId: () => string;
  readonly now: () => number;
}

/** What a command was, for a later yes. */
interface Command {
  view: CommandView;
  readonly caller: Caller;
  readonly conversation: Conversation;
  readonly asked: Asked;
  proposal?: Proposal | undefined;
  readonly at: string;
}

interface Asked {
  /** What is meant: the sentence, or the one before that it answers a question about. */
  readonly sentence: string;
  /** What was said. */
  readonly reply: string;
  readonly known: Known;
  readonly reader: Reader;
  readonly grammar: Understanding;
  readonly options: AskOptions;
}

type Outcome = Omit<CommandView, "id" | "command" | "conversation" | "problems"> & {
  readonly problems?: CommandView["problems"];
  readonly proposal?: Proposal | undefined;
};

const mostCommands = 1000;

/** Sentence -> context -> Claude or grammar -> Intent -> checks -> edits -> preview -> a person's yes -> commit -> approval -> run. */
export function createConverse(options: ConverseOptions): Converse {
  const { controller, newId, now } = options;
  const conversations = createConversations(newId, now),
    commands = new Map<string, Command>();
  const keep = (command: Command): void => {
    while (commands.size >= mostCommands) commands.delete(commands.keys().next().value!);
    commands.set(command.view.id, command);
  };
  const found = (id: string): Command => {
    const command = commands.get(id);
    if (command === undefined)
      throw new ProblemError(
        error("not-found/command", `There is no command ${id}`, {
          hint: "Commands are forgotten when the controller starts again; see: backend-ai runs",
        }),
      );
    return command;
  };

  const self: Converse = {
    async ask(sentence, caller, asking) {
      const conversation = conversations.open(asking.conversation, caller.name),
        at = new Date(now()).toISOString();
      const asked = await prepare(sentence, conversation, asking, options);
      const outcome = await answer(asked, conversation, caller, at, options);
      const { proposal, problems, ...rest } = outcome;
      const view: CommandView = { id: newId(), command: sentence, conversation: conversation.id, problems: problems ?? [], ...rest };
      const command: Command = { view, caller, conversation, asked, proposal, at };
      keep(command);
      await controller.note(caller.name, "intent", view.id, { command: sentence.slice(0, 500), status: view.status, source: view.source });
      if (
        view.status !== "waiting-for-confirmation" ||
        asking.requireConfirmation ||
        conversation.taint.size > 0 ||
        !reachesRole(caller.role, "operator")
      )
        return view;
      return self.confirm(view.id, caller);
    },

    async confirm(id, caller) {
      const command = found(id);
      if (command.view.status !== "waiting-for-confirmation" || command.proposal === undefined)
        throw new ProblemError(error("conflict/command", `${id} does not wait for a yes: it is ${command.view.status}`));
      if (!reachesRole(caller.role, "operator"))
        throw new ProblemError(
          error("forbidden/role", `The role ${caller.role} may not change anything`, {
            hint: "An operator, approver or admin has to say yes.",
          }),
        );
      const shown = command.view;
      command.view = { ...shown, status: "running" };
      try {
        const again = await reconsider(command, shown, options);
        if (again !== undefined) return (command.view = again);
        command.view = await carryOut(command, caller, options);
      } catch (thrown) {
        command.view = {
          ...command.view,
          status: "failed",
          problems: thrown instanceof ProblemError ? [...thrown.problems] : [error("internal", "Unable to carry it out")],
        };
        throw thrown;
      }
      return command.view;
    },

    async reject(id, caller, reason) {
      const command = found(id);
      if (command.view.status !== "waiting-for-confirmation")
        throw new ProblemError(error("conflict/command", `${id} does not wait for a yes: it is ${command.view.status}`));
      if (command.caller.name !== caller.name && !reachesRole(caller.role, "operator"))
        throw new ProblemError(error("forbidden/role", `The role ${caller.role} may not decide about what others asked for`));
      command.view = { ...command.view, status: "cancelled" };
      options.claude?.tell(command.conversation.thread, `The person said no${reason === undefined ? "" : `: ${reason}`}.`);
      await controller.note(caller.name, "intent.reject", id, reason === undefined ? undefined : { reason });
      return command.view;
    },

    get: async (id) => commands.get(id)?.view,
  };
  return self;
}

/** What the sentence is about: an answer to the question before, or a request of its own. */
async function prepare(
  sentence: string,
  conversation: Conversation,
  asking: AskOptions,
  { context, controller }: ConverseOptions,
): Promise<Asked> {
  const { pending } = conversation;
  let known = await context.know(conversation.bindings),
    meant = sentence,
    answered: string | undefined;
  conversation.pending = undefined;
  if (pending !== undefined) {
    const means = chosen(sentence, pending.question, known);
    if (means !== undefined) {
      meant = pending.sentence;
      if (pending.question.phrase === undefined) answered = means;
      else {
        conversation.bindings[pending.question.phrase] = means;
        known = { ...known, glossary: { ...known.glossary, [pending.question.phrase]: means } };
      }
    }
  }
  const grammar = interpret(meant, known, answered);
  conversation.said.push(sentence);
  for (const { selector } of grammar.scopes) for (const { name } of pick(selector, known).hosts) conversation.named.add(name);
  for (const host of hostsSaid(sentence, known)) conversation.named.add(host);
  return { sentence: meant, reply: sentence, known, reader: createReader(controller, known), grammar, options: asking };
}

const hostsSaid = (sentence: string, known: Known): readonly string[] =>
  tokenise(sentence).flatMap(({ text }) => fleetNames(known).byName.get(text) ?? []);

/** The candidate that a reply picks: by its number, its words, what it means; or hosts that the reply names. Undefined: it is no answer. */
function chosen(reply: string, { candidates, phrase }: IntentQuestion, known: Known): string | undefined {
  const text = fold(reply.trim()).replace(/[.!]+$/, ""),
    number = /^\d{1,2}$/.test(text) ? candidates[Number(text) - 1] : undefined;
  const exact = candidates.find(({ label, means }) =>
    [fold(label), fold(label.split(":")[0]!), fold(means), fold(means.replace(/^(name|tag)=/, ""))].includes(text),
  );
  const only = candidates.length === 1 && /^(yes|yep|ja|si|y|j)$/.test(text) ? candidates[0] : undefined;
  const all = /^(all|alle|todos|todas|all of them)$/.test(text) ? candidates.find(({ label }) => label.startsWith("all ")) : undefined;
  const picked = number ?? exact ?? only ?? all;
  if (picked !== undefined) return picked.means;
  if (text.split(/\s+/).length > 8 || !["clarify", "refuse"].includes(interpret(reply, known).intent.kind)) return undefined;
  const scope = readScope(tokenise(reply), known);
  if ("scope" in scope) return printSelector(scope.scope.selector);
  return phrase !== undefined && candidates.length > 0 && /^[\w.@-]+$/.test(text) && candidates.every(({ means }) => !means.includes("="))
    ? text
    : undefined;
}

async function answer(asked: Asked, conversation: Conversation, caller: Caller, at: string, options: ConverseOptions): Promise<Outcome> {
  const { claude } = options,
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
    if ("text" in said) return { status: "answered", source: "claude", text: said.text };
    if ("intent" in said) intent = said.intent;
    else notes.push(`Claude could not be asked (${said.failed}); the offline grammar read this.`);
  }
  const outcome = await act(
    intent,
    asked,
    conversation,
    at,
    { notes: [...notes, ...(intent.source === "offline" ? asked.grammar.notes : [])], cost },
    options,
  );
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

async function act(
  intent: Intent,
  asked: Asked,
  conversation: Conversation,
  at: string,
  extra: Extra,
  options: ConverseOptions,
): Promise<Outcome> {
  const notes = extra.notes.length === 0 ? "" : `\n${extra.notes.map((text) => `Note: ${text}`).join("\n")}`;
  if (intent.kind === "refuse")
    return {
      status: "refused",
      text: `${intent.refusal?.text ?? "This cannot be done."}${notes}`,
      problems: [error(`intent/${intent.refusal?.reason ?? "unsupported"}`, intent.refusal?.text ?? "This cannot be done.")],
    };
  if (intent.kind === "clarify") return clarify(intent.question!, asked, conversation, notes);
  if (intent.kind === "query") return query(intent, asked, conversation, at, extra, options);
  return change(intent, asked, conversation, at, extra, options);
}

function clarify(question: IntentQuestion, asked: Asked, conversation: Conversation, notes: string): Outcome {
  conversation.pending = { sentence: asked.sentence, question };
  return {
    status: "clarify",
    text: `${question.text}${notes}`,
    ...(question.candidates.length === 0 ? {} : { choices: question.candidates.map(({ label }) => label) }),
  };
}

async function query(
  intent: Intent,
  asked: Asked,
  conversation: Conversation,
  at: string,
  extra: Extra,
  options: ConverseOptions,
): Promise<Outcome> {
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
    taint: [...conversation.taint],
    source: "offline",
  };
  const offered = await change(mend, asked, conversation, at, { notes: [] }, options);
  if (offered.proposal === undefined || !asked.options.requireConfirmation) return { status: "answered", text };
  return { ...offered, text: `${text}\n\nThis would mend it:\n${offered.text}` };
}

async function change(
  intent: Intent,
  asked: Asked,
  conversation: Conversation,
  at: string,
  extra: Extra,
  options: ConverseOptions,
): Promise<Outcome> {
  const { steps, objections } = check(intent, checkInput(asked, conversation)());
  const refused = objections.find(({ weight }) => weight === "refuse");
  if (refused !== undefined) return { status: "refused", text: refused.text, problems: [error(`intent/${refused.code}`, refused.text)] };
  if (objections.length > 0)
    return clarify({ text: objections.map(({ text }) => text).join("\n"), candidates: [] }, asked, conversation, "");
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
  if ("question" in proposed) return clarify(proposed.question, asked, conversation, "");
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
      taint: [...conversation.taint],
      lines: conversation.lines,
      cost: extra.cost,
    }),
    edits: [...proposal.edits],
    diff: await diffOf(proposal.edits, options.controller),
    plan: proposal.plan,
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

/** Looks again before anything is written: hosts, conditions and manifests may have moved. The new view where what was shown no longer holds. */
async function reconsider(command: Command, shown: CommandView, options: ConverseOptions): Promise<CommandView | undefined> {
  const { conversation, asked, proposal } = command;
  const known = await options.context.know(conversation.bindings),
    fresh: Asked = { ...asked, known, reader: createReader(options.controller, known), options: { ...asked.options, dryRun: false } };
  const next = await change(proposal!.intent, fresh, conversation, command.at, { notes: [] }, options);
  const { proposal: again, problems, ...rest } = next;
  if (again !== undefined && same(again, proposal!)) {
    command.proposal = again;
    return undefined;
  }
  command.proposal = again;
  return { ...shown, ...rest, problems: problems ?? [], text: `Since this was shown, things changed. Look again:\n\n${rest.text}` };
}

const same = (a: Proposal, b: Proposal): boolean =>
  JSON.stringify(a.changes.map(({ id, summary, risk }) => [id, summary, risk])) ===
    JSON.stringify(b.changes.map(({ id, summary, risk }) => [id, summary, risk])) &&
  a.hosts.join() === b.hosts.join() &&
  a.compiled.touched.join() === b.compiled.touched.join();

async function carryOut(command: Command, caller: Caller, { controller, context, claude }: ConverseOptions): Promise<CommandView> {
  const proposal = command.proposal!;
  const { commit } = await controller.commit(
    proposal.edits,
    { message: subject(proposal), request: command.view.command, source: proposal.intent.source },
    command.caller,
  );
  context.forget(proposal.hosts);
  const settled = await settle(controller, proposal, caller);
  claude?.tell(command.conversation.thread, `The person said yes. It is ${settled.status}.`);
  const { digest: _digest, ...view } = command.view;
  return {
    ...view,
    status: settled.status,
    commit,
    ...(settled.digest === undefined ? {} : { digest: settled.digest }),
    ...(settled.run === undefined ? {} : { run: settled.run }),
    ...(settled.waiting === undefined ? {} : { waiting: settled.waiting }),
  };
}

/** Such as `service.restart nginx on web-01, web-02`. */
function subject({ intent, hosts }: Proposal): string {
  const steps = intent.steps.map(({ action, params }) =>
    `${action} ${["service", "package", "domain", "key"].map((key) => params[key]).filter((value) => typeof value === "string")[0] ?? ""}`.trim(),
  );
  return `${[...new Set(steps)].join(", ")} on ${nameList(hosts, 4)}`.slice(0, 200);
}
