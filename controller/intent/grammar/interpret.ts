import type { Intent, IntentQuestion, IntentRefusal, IntentStep } from "../../../schemas/intent.ts";
import { printSelector } from "../../../schemas/selector.ts";
import { fleetNames, type Known } from "../known.ts";
import type { ActionWords } from "../words/define.ts";
import { question, refusal } from "../words/define.ts";
import { words } from "../words/index.ts";
import { unitVocabulary } from "../words/unit-names.ts";
import { readClause } from "./clause.ts";
import { splitCondition } from "./condition.ts";
import { findPhrase, firstPhrase, type Hit, misspelt } from "./phrases.ts";
import { readQuestion, resolveQuestion } from "./question.ts";
import { quoteScope } from "./scope.ts";
import { isFiller, isHostNoun } from "./scope-words.ts";
import type { Scope } from "./scope-draft.ts";
import { splitSubject } from "./subject.ts";
import { is, type Token, tokenise } from "./tokens.ts";
import { refuse } from "./unsupported.ts";

/** What the grammar made of a sentence. `scopes`: of each clause, for the cross-check; `notes`: corrections that a person should see. */
export interface Understanding {
  readonly intent: Intent;
  readonly scopes: readonly Scope[];
  readonly notes: readonly string[];
}

interface Entry {
  readonly phrase: string;
  readonly words: ActionWords;
}

/** Every verb of every action, in the order of the table of words. */
const verbs: readonly Entry[] = [...words.values()]
  .flat()
  .flatMap((one) => [...new Set([...one.verbs.en, ...one.verbs.de, ...one.verbs.es])].map((phrase) => ({ phrase, words: one })));

const politeness = [
  "please",
  "can you",
  "could you",
  "would you",
  "will you",
  "i want you to",
  "i want to",
  "i need to",
  "i'd like to",
  "we need to",
  "let's",
  "lets",
  "hey",
  "hi",
  "hello",
  "ok",
  "now",
  "kannst du",
  "konntest du",
  "konnen sie",
  "bitte",
  "mal",
  "por favor",
  "puedes",
  "podrias",
  "quiero",
  "hola",
  "just",
  "quickly",
  "go ahead and",
];
const openers = new Set(
  "show list which what check is are how why display get find tell give see look who when where does do did has have zeige zeig zeigen liste gib welche welcher welches was wie warum prufe uberprufe ist sind lauft wer wann wo muestra muestrame lista que cual cuales cuantos cuantas comprueba verifica esta estan por dame dime quien cuando donde count wieviele anzahl diagnose troubleshoot investigate untersuche diagnostica help hilfe ayuda status history verify".split(
    " ",
  ),
);
const joins = new Set(["and", "then", "und", "dann", "y", "luego", "despues", ",", ";", "also", "danach", "afterwards"]);

/** The meaning of a sentence by a fixed grammar: pure, and never a guess. `answered`: the selector picked when it was asked where. */
export function interpret(sentence: string, known: Known, answered?: string): Understanding {
  const all = withoutPoliteness(tokenise(sentence));
  if (all.length === 0) return outcome(question("What is to be done?"));
  const no = refuse(all);
  if (no !== undefined) return outcome(no);
  const early = isQuestion(all);
  if (early) return asQuestion(sentence, all, known);
  const { rest, condition, unclear } = splitCondition(all, known);
  const verb =
    firstPhrase(rest, verbs) ??
    (readQuestion(sentence, rest, known) === undefined ? misspelt(rest, verbs, (word) => isTaken(word, known)) : undefined);
  if (verb === undefined) return asQuestion(sentence, rest, known);
  if (unclear !== undefined)
    return outcome(
      question(`The condition "${unclear}" is not understood. Say it as: if cpu is over 80 %, or: only if nginx is running on web-01.`),
    );
  return asChange(sentence, rest, known, {
    condition,
    answered,
    corrected: verb.corrected === undefined ? [] : [`"${verb.corrected}" was read as ${verb.phrase}`],
    first: verb,
  });
}

function withoutPoliteness(tokens: readonly Token[]): readonly Token[] {
  let rest = tokens;
  for (const phrase of politeness) {
    const hit = findPhrase(rest, phrase);
    if (hit !== undefined && (hit.at[0]! <= 3 || phrase === "please" || phrase === "bitte" || phrase === "por favor"))
      rest = rest.filter((_, at) => !hit.at.includes(at));
  }
  while (is(rest[0], ",")) rest = rest.slice(1);
  return rest;
}

/** A sentence that opens like a question is one, unless a verb of change comes before the opening. */
function isQuestion(tokens: readonly Token[]): boolean {
  const opener = tokens.findIndex(({ text, quoted }) => !quoted && openers.has(text)),
    verb = firstPhrase(tokens, verbs);
  if (opener < 0) return false;
  return opener === 0 || (opener <= 1 && (verb === undefined || verb.at[0]! > opener));
}

const isTaken = (word: string, known: Known): boolean =>
  isFiller(word) ||
  isHostNoun(word) ||
  openers.has(word) ||
  unitVocabulary(known).includes(word) ||
  fleetNames(known).byName.has(word) ||
  fleetNames(known).tags.has(word);

const none: Omit<Intent, "kind"> = { steps: [], scopeQuote: "", taint: [], source: "offline" };

const outcome = (what: { readonly question: IntentQuestion } | { readonly refusal: IntentRefusal }): Understanding => ({
  intent: "question" in what ? { ...none, kind: "clarify", question: what.question } : { ...none, kind: "refuse", refusal: what.refusal },
  scopes: [],
  notes: [],
});

function asQuestion(sentence: string, tokens: readonly Token[], known: Known): Understanding {
  if (alsoChanges(tokens)) return outcome(question("That is a question and a change in one. Ask first, then say what is to be changed."));
  const heard = readQuestion(sentence, tokens, known);
  if (heard === undefined)
    return outcome(
      refusal(
        "out_of_scope",
        "This was not understood. Say for example: restart nginx on all web servers; install htop on web-01; is nginx running on web-01?; show disk usage on all servers.",
      ),
    );
  if (!("ask" in heard)) return outcome(heard);
  const resolved = resolveQuestion(heard, known);
  if ("refusal" in resolved) return outcome(resolved);
  return {
    intent: {
      ...none,
      kind: "query",
      query: { ask: heard.ask, selector: printSelector(heard.scope.selector), params: { ...heard.params } },
      scopeQuote: heard.quote,
    },
    scopes: [heard.scope],
    notes: heard.scope.notes,
  };
}

/** "Check the disk and restart nginx": a verb of change that follows "and" or a comma. */
const alsoChanges = (tokens: readonly Token[]): boolean =>
  tokens.some(
    (token, at) =>
      joins.has(token.text) &&
      verbs.some(
        ({ phrase, words }) =>
          !phrase.includes("…") && words.action.startsWith("service.") && findPhrase(tokens.slice(at + 1, at + 3), phrase)?.at[0] === 0,
      ),
  );

interface Change {
  readonly condition: IntentStep["condition"];
  readonly answered: string | undefined;
  readonly corrected: readonly string[];
  readonly first: Hit & { readonly entries: readonly Entry[] };
}

function asChange(
  sentence: string,
  tokens: readonly Token[],
  known: Known,
  { condition, answered, corrected, first }: Change,
): Understanding {
  const clauses = clausesOf(tokens, first),
    steps: IntentStep[] = [],
    scopes: Scope[] = [],
    notes = [...corrected],
    quotes: string[] = [];
  let before: { scope: Scope; object: readonly Token[] } | undefined;
  for (const { tokens: clause, hit } of clauses) {
    const inner = clause.filter((_, at) => !hit.at.includes(at));
    const read = readClause({
      tokens: inner,
      candidates: hit.entries.map((entry) => entry.words),
      verb: hit.phrase,
      afterInstall: steps.some(({ action }) => action === "package.install"),
      known,
      before,
      answered,
      perHost: condition !== undefined && condition.of === undefined,
    });
    if (!("steps" in read)) return { ...outcome(read), scopes };
    const after = steps.length === 0 ? [] : [steps.length - 1];
    for (const step of read.steps) steps.push({ ...step, ...(condition === undefined ? {} : { condition }), after });
    scopes.push(read.scope);
    notes.push(...read.notes);
    quotes.push(quoteScope(sentence, read.place));
    before = { scope: read.scope, object: splitSubject(inner, known).object };
  }
  return { intent: { ...none, kind: "change", steps, scopeQuote: quotes.filter(Boolean).join("; ").slice(0, 1000) }, scopes, notes };
}

interface Clause {
  readonly tokens: readonly Token[];
  readonly hit: Hit & { readonly entries: readonly Entry[] };
}

/** Splits where "and", "then" or a comma is followed by another verb: "install nginx on web-01 and start it". */
function clausesOf(tokens: readonly Token[], first: Clause["hit"]): readonly Clause[] {
  const starts: number[] = [0];
  for (let at = first.at[0]! + 1; at < tokens.length - 1; at++) {
    if (!joins.has(tokens[at]!.text)) continue;
    let next = at + 1;
    while (next < tokens.length && joins.has(tokens[next]!.text)) next += 1;
    const hit = firstPhrase(tokens.slice(next, next + 8), verbs);
    if (hit !== undefined && hit.at[0] === 0 && next > (starts.at(-1) ?? 0)) starts.push(next);
    at = next - 1;
  }
  if (starts.length === 1) return [{ tokens, hit: first }];
  return starts.flatMap((start, index) => {
    const end = starts[index + 1] ?? tokens.length,
      part = trimJoins(tokens.slice(start, end)),
      hit = index === 0 && first.at.every((at) => at < part.length) ? first : firstPhrase(part, verbs);
    return hit === undefined ? [] : [{ tokens: part, hit }];
  });
}

function trimJoins(tokens: readonly Token[]): readonly Token[] {
  let end = tokens.length;
  while (end > 0 && joins.has(tokens[end - 1]!.text)) end -= 1;
  return tokens.slice(0, end);
}
