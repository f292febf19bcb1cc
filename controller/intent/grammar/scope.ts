import { allOf, anyOf, not, printSelector, type Selector } from "../../../schemas/selector.ts";
import { type Known, pick } from "../known.ts";
import { question } from "../words/define.ts";
import { meaning } from "./meaning.ts";
import { type Draft, everything, type Group, isEmpty, newGroup, type Scope, type Scoped } from "./scope-draft.ts";
import { readFilter } from "./scope-filters.ts";
import { askers, isAll, isExcept, isFiller, isHostNoun, joiners, kindOf, pluralNouns, singularNouns } from "./scope-words.ts";
import { is, quoteOf, type Token } from "./tokens.ts";

/** Reads the words that say where (`many`: any number of hosts may be meant): "all web servers", "servers tagged 'development'", "db-*", "all Ubuntu 22.04 hosts except web-03". */
export function readScope(tokens: readonly Token[], known: Known, many = false): Scoped {
  const cut = exceptAt(tokens);
  const main = readParts(tokens.slice(0, cut?.at ?? tokens.length), known, many);
  if (cut === undefined || "question" in main || "refusal" in main) return main;
  const rest = readParts(tokens.slice(cut.at + cut.length), known, true);
  if ("question" in rest || "refusal" in rest) return rest;
  if ("nothing" in rest) return question("Which hosts are to be left out?");
  const base: Scope = "nothing" in main ? everything : main.scope;
  return {
    scope: {
      ...base,
      selector: allOf([base.selector, not(rest.scope.selector)]),
      excluded: rest.scope.names,
      onlyNames: false,
      singular: false,
      notes: [...base.notes, ...rest.scope.notes],
    },
  };
}

/** Where an exception begins, and how many words announce it: "except", "but not", "other than", "not on". */
function exceptAt(tokens: readonly Token[]): { at: number; length: number } | undefined {
  for (const [at, token] of tokens.entries()) {
    if (token.quoted) continue;
    if (isExcept(token.text)) return { at, length: is(tokens[at + 1], "for", "de") ? 2 : 1 };
    if (is(token, "but", "aber", "pero") && is(tokens[at + 1], "not", "nicht", "no")) return { at, length: 2 };
    if (is(token, "other") && is(tokens[at + 1], "than")) return { at, length: 2 };
    if (at > 0 && is(token, "not", "nicht", "no") && !is(tokens[at + 1], "running", "responding", "working")) return { at, length: 1 };
  }
  return undefined;
}

function readParts(tokens: readonly Token[], known: Known, many: boolean): Scoped {
  const first = newGroup(),
    draft: Draft = { groups: [first], group: first, names: [], all: false, singular: false, plural: many, notes: [] };
  let words: Token[] = [];
  const flush = (): Scoped | undefined => {
    const said = words;
    words = [];
    return said.length === 0 ? undefined : meaning(said, draft, known);
  };
  for (let at = 0; at < tokens.length; ) {
    const token = tokens[at]!,
      read = readFilter(tokens, at, draft, known);
    if (read !== undefined && "length" in read) {
      at += read.length;
      continue;
    }
    if (read !== undefined) return read;
    if (joiners.has(token.text) || isFiller(token.text) || isHostNoun(token.text)) {
      note(token.text, draft);
      if (isHostNoun(token.text) || joiners.has(token.text)) {
        const stop = flush();
        if (stop !== undefined) return stop;
      }
      if (joiners.has(token.text) && !isEmpty(draft.group)) draft.groups.push((draft.group = newGroup()));
    } else words.push(token);
    at += 1;
  }
  const stop = flush();
  if (stop !== undefined) return stop;
  return finish(draft, known);
}

function note(word: string, draft: Draft): void {
  if (isAll(word)) draft.all = true;
  if (askers.has(word)) draft.plural = true;
  if (singularNouns.has(word)) draft.singular = true;
  if (pluralNouns.has(word)) draft.plural = true;
  const kind = kindOf(word);
  if (isHostNoun(word)) draft.group.noun = true;
  if (kind !== undefined) {
    draft.group.kind = { op: "text", key: "kind", values: [kind] };
    if (/s$|n$|es$/.test(word)) draft.plural = true;
  }
}

function finish(draft: Draft, known: Known): Scoped {
  const groups = draft.groups.filter((group) => !isEmpty(group));
  if (groups.length === 0)
    return draft.all || (draft.plural && draft.group.noun)
      ? { scope: { ...everything, all: true, notes: draft.notes } }
      : { nothing: true };
  if (
    groups.length > 1 &&
    groups.some((group) => group.filters.length > 1) &&
    !groups.every((group) => group.noun || group.filters.length === 0)
  )
    return question(
      "It is not clear which of these words belong together. Say each group of hosts in full, or write a selector such as tag=web & tag=production.",
    );
  const lastKind = groups.at(-1)?.kind,
    each = groups.map((group) =>
      group.kind === undefined && !group.noun && lastKind !== undefined ? { ...group, kind: lastKind } : group,
    );
  const selector = anyOf(mergeNames(each.map(selectorOf)));
  const onlyNames =
    draft.names.length > 0 && groups.every((group) => group.filters.length === 0 && group.kind === undefined && group.parts.every(isName));
  const scope: Scope = {
    selector,
    names: draft.names,
    excluded: [],
    onlyNames,
    all: draft.all,
    singular: draft.singular && !draft.plural && !draft.all,
    notes: draft.notes,
  };
  const hosts = pick(selector, known).hosts;
  if (scope.singular && !onlyNames && hosts.length > 1)
    return question(
      `${hosts.length} hosts match. Which one do you mean?`,
      hosts.map(({ name }) => ({ label: name, means: `name=${name}` })),
      draft.phrase,
    );
  return { scope };
}

const isName = (part: Selector): boolean => part.op === "text" && part.key === "name" && part.values.every((value) => !/[*?]/.test(value));

const selectorOf = ({ parts, filters, kind }: Group): Selector =>
  allOf([...(parts.length === 0 ? [] : [anyOf(mergeNames(parts))]), ...dedupeSelectors(filters), ...(kind === undefined ? [] : [kind])]);

const dedupeSelectors = (selectors: readonly Selector[]): Selector[] => [
  ...new Map(selectors.map((selector) => [printSelector(selector), selector])).values(),
];

/** `name=a | name=b` as `name=a,b`. */
function mergeNames(parts: readonly Selector[]): Selector[] {
  const values = parts.flatMap((part) => (part.op === "text" && part.key === "name" ? part.values : []));
  const others = parts.filter((part) => !(part.op === "text" && part.key === "name"));
  return [...(values.length === 0 ? [] : [{ op: "text", key: "name", values: [...new Set(values)] } as const]), ...others];
}

/** The words of a scope as they were written, without the ones before it that say nothing. */
export function quoteScope(sentence: string, tokens: readonly Token[]): string {
  const sorted = [...tokens].sort((a, b) => a.start - b.start),
    first = sorted.findIndex((token) => token.quoted || !isFiller(token.text) || isAll(token.text));
  return first < 0 ? "" : quoteOf(sentence, sorted.slice(first));
}
