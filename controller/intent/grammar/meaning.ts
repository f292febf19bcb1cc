import { type Known, fleetNames, pick } from "../known.ts";
import { question, refusal } from "../words/define.ts";
import { spelling } from "../words/unit-names.ts";
import type { Draft, Scoped } from "./scope-draft.ts";
import { candidate, oneSense, type Sense, sensesOf, stemOf } from "./senses.ts";
import { fold, type Token } from "./tokens.ts";

/** What free words stand for: a glossary entry, a host, a tag, a label, the beginning of names. Several words are taken together first, then one by one. */
export function meaning(tokens: readonly Token[], draft: Draft, known: Known): Scoped | undefined {
  const whole = sensesOf(
    tokens.map(({ text }) => text),
    known,
  );
  const found = whole.length > 0 || tokens.length === 1 ? [whole] : tokens.map((token) => sensesOf([token.text], known));
  for (const [index, senses] of found.entries()) {
    const said = found.length === 1 ? tokens.map(({ raw }) => raw).join(" ") : tokens[index]!.raw,
      phrase = fold(said);
    draft.phrase = phrase;
    if (senses.length === 0) return unknownWords(said, phrase, draft, known);
    // A tag says what a host is, a label may say whose it is, a name only how somebody called it.
    const surest = [2, 3, 4].map((most) => senses.filter(({ rank }) => rank <= most)).find((some) => some.length > 0) ?? senses,
      chosen = oneSense(surest, known);
    if (chosen !== undefined && surest.length < senses.length) noteOthers(said, chosen, senses, draft, known);
    if (chosen === undefined)
      return question(
        `"${said}" can mean different hosts. Which?`,
        senses.map((sense) => candidate(sense, known)),
        phrase,
      );
    if (chosen.rank === 0) {
      draft.group.parts.push(chosen.selector);
      draft.names.push(...pick(chosen.selector, known).hosts.map(({ name }) => name));
    } else draft.group.filters.push(chosen.selector);
  }
  return undefined;
}

/** A tag or label says more than how a name begins; hosts that the name alone would have picked are told. */
function noteOthers(said: string, chosen: Sense, senses: readonly Sense[], draft: Draft, known: Known): void {
  const picked = new Set(pick(chosen.selector, known).hosts.map(({ name }) => name));
  const others = [...new Set(senses.flatMap(({ selector }) => pick(selector, known).hosts.map(({ name }) => name)))].filter(
    (name) => !picked.has(name),
  );
  if (others.length > 0)
    draft.notes.push(
      `"${said}" was read as ${chosen.says}, which ${others.slice(0, 5).join(", ")} ${others.length === 1 ? "does" : "do"} not have`,
    );
}

/** Nothing is known by that name: a typing mistake is corrected where one name alone is near, with the same digits. */
function unknownWords(said: string, phrase: string, draft: Draft, known: Known): Scoped | undefined {
  const dashed = phrase.replaceAll(" ", "-"),
    near = spelling(dashed, [...fleetNames(known).byName.keys()]);
  if (near !== undefined) {
    draft.group.parts.push({ op: "text", key: "name", values: [near] });
    draft.names.push(...(fleetNames(known).byName.get(near) ?? []));
    draft.notes.push(`"${said}" was read as ${near}`);
    return undefined;
  }
  const tag = spelling(stemOf(dashed), [...fleetNames(known).tags]);
  if (tag !== undefined)
    return question(`No host is called "${said}". Did you mean the tag "${tag}"?`, [{ label: `tag ${tag}`, means: `tag=${tag}` }], phrase);
  const alike = known.hosts.filter(({ name }) => near3(dashed, name)).slice(0, 10);
  if (alike.length > 0)
    return question(
      `There is no host "${said}". Which one do you mean?`,
      alike.map(({ name }) => ({ label: name, means: `name=${name}` })),
      phrase,
    );
  return refusal(
    "unknown_resource",
    `There is no host, tag or group "${said}"${known.hosts.length === 0 ? ": no host is enrolled yet" : ""}.`,
  );
}

/** Names that differ in their number alone, or hold the word. */
const near3 = (word: string, name: string): boolean =>
  word.length >= 3 && (name.replace(/\d+/g, "") === word.replace(/\d+/g, "") || name.includes(stemOf(word)));
