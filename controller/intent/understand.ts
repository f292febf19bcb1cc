import type { IntentQuestion } from "../../schemas/intent.ts";
import { printSelector } from "../../schemas/selector.ts";
import type { AskOptions } from "../http/command.ts";
import type { Caller, Controller } from "../loop/controller.ts";
import type { Context } from "./context.ts";
import type { Conversation } from "./conversation.ts";
import { interpret, type Understanding } from "./grammar/interpret.ts";
import { readScope } from "./grammar/scope.ts";
import { fold, tokenise } from "./grammar/tokens.ts";
import { fleetNames, type Known, pick } from "./known.ts";
import { createReader, type Reader } from "./reader.ts";

/** A sentence with everything that is needed to understand it. */
export interface Asked {
  /** What is meant: the sentence, or the one before that it answers a question about. */
  readonly sentence: string;
  /** What was said. */
  readonly reply: string;
  readonly known: Known;
  readonly reader: Reader;
  readonly grammar: Understanding;
  readonly options: AskOptions;
}

/** What the sentence is about: an answer to the question before, or a request of its own. */
export async function understand(
  sentence: string,
  conversation: Conversation,
  caller: Caller,
  asking: AskOptions,
  { context, controller }: { readonly context: Context; readonly controller: Pick<Controller, "query" | "drift" | "audit"> },
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
  return { sentence: meant, reply: sentence, known, reader: createReader(controller, known, caller), grammar, options: asking };
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
