import { fleetNames, type Known } from "../known.ts";
import { programs } from "../words/known-settings.ts";
import { unitVocabulary } from "../words/unit-names.ts";
import { isExcept, isFiller, isHostNoun } from "./scope-words.ts";
import { is, type Token } from "./tokens.ts";

const serviceNouns = new Set(
  "service services unit units daemon process dienst dienste dienstes dienst's servicio servicios unidad proceso".split(" "),
);
const otherNouns = new Set("package packages paket pakete paquete paquetes the".split(" "));
const prepositions = new Set("on at in across from for of to into auf bei im am an von vom zu fur aus en de del a para sobre".split(" "));
const openers = new Set(
  "tagged tag tags with matching named called labelled labeled where whose running getaggt mit namens etiquetados etiquetadas con llamados using".split(
    " ",
  ),
);

export const isServiceNoun = (word: string): boolean => serviceNouns.has(word);

/** Whether a word names a host: its name, an alias, a pattern of names. */
export const isHostName = (token: Token, known: Known): boolean => /[*?]/.test(token.raw) || fleetNames(known).byName.has(token.text);

const isTag = (word: string, known: Known): boolean => fleetNames(known).tags.has(word);

/** A clause without its verb in two parts: what it is about, and where. */
export interface Subject {
  readonly object: readonly Token[];
  readonly scope: readonly Token[];
}

/** Splits at the first preposition, "tagged" or "except"; names of hosts belong to the scope wherever they stand, names of services after "to", "in", "for" to the object. */
export function splitSubject(tokens: readonly Token[], known: Known): Subject {
  const vocabulary = new Set(unitVocabulary(known));
  for (const { names } of programs) for (const name of names) vocabulary.add(name);
  const at = tokens.findIndex(
    (token) => !token.quoted && (prepositions.has(token.text) || openers.has(token.text) || isExcept(token.text)),
  );
  const before = at < 0 ? tokens : tokens.slice(0, at),
    after = at < 0 ? [] : tokens.slice(at),
    object: Token[] = [],
    scope: Token[] = [];
  for (const token of before) (isHostName(token, known) && !vocabulary.has(token.text) ? scope : object).push(token);
  const sorted = after.map((token, index) => ({ token, moved: isMoved(after, index, vocabulary, known) }));
  for (const { token, moved } of sorted) (moved ? object : scope).push(token);
  return { object, scope };
}

/** "to nginx", "from the payment service": a service among the words of a scope. */
function isMoved(tokens: readonly Token[], index: number, vocabulary: ReadonlySet<string>, known: Known): boolean {
  const token = tokens[index]!,
    before = tokens[index - 1],
    next = tokens[index + 1];
  if (serviceNouns.has(token.text)) return !token.quoted;
  if (
    token.quoted ||
    isHostName(token, known) ||
    (next !== undefined && isHostNoun(next.text)) ||
    is(before, "running", "tag", "tagged", "with", "mit", "con")
  )
    return false;
  if (next !== undefined && serviceNouns.has(next.text)) return !isFiller(token.text);
  if (before !== undefined && serviceNouns.has(before.text)) return !isFiller(token.text) && !prepositions.has(token.text);
  return vocabulary.has(token.text) && !isTag(token.text, known) && !isExceptBefore(tokens, index);
}

const isExceptBefore = (tokens: readonly Token[], index: number): boolean => tokens.slice(0, index).some((token) => isExcept(token.text));

/** The words of an object that say something: without articles and the nouns service, package. */
export const plainWords = (tokens: readonly Token[]): readonly string[] =>
  tokens
    .filter((token) => token.quoted || !(isFiller(token.text) || serviceNouns.has(token.text) || otherNouns.has(token.text)))
    .map(({ text }) => text);
