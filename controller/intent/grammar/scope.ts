import { anyOf, allOf, not, parseSelector, printSelector, type Selector } from "../../../schemas/selector.ts";
import type { IntentQuestion, IntentRefusal } from "../../../schemas/intent.ts";
import { fleetNames, type Known, pick, pickText } from "../known.ts";
import { question, refusal } from "../words/define.ts";
import { spelling } from "../words/unit-names.ts";
import { readMeasure } from "./measure.ts";
import { fold, is, quoteOf, type Token } from "./tokens.ts";

/** What the words of a scope mean. `names`: hosts that are named one by one; `onlyNames`: nothing else is said; `all`: it says all, every, each. */
export interface Scope {
  readonly selector: Selector;
  readonly names: readonly string[];
  readonly excluded: readonly string[];
  readonly onlyNames: boolean;
  readonly all: boolean;
  /** One host is meant: "the download server". */
  readonly singular: boolean;
  readonly notes: readonly string[];
}

export type Scoped =
  | { readonly scope: Scope }
  | { readonly question: IntentQuestion }
  | { readonly refusal: IntentRefusal }
  | { readonly nothing: true };

const allWords = new Set(
  "all every each any everywhere alle allen aller alles jeder jedem jeden uberall todos todas todo toda cada".split(" "),
);
const fillers = new Set(
  "the a an my our your these those this that of on in at from to for by and with are is be been being currently now please me us them it also both only just there which who whose have has that's der die das den dem des ein eine einem einen einer mein meine meinen unser unsere unseren auf bei im in am an von vom fur und mit sind ist nur bitte mir derzeit gerade welche welcher welches die el la los las un una unos unas mi mis nuestro nuestra nuestros nuestras en de del a al para por y e con que son esta estan solo solamente qué which cuales named called matching like namens llamados llamado".split(
    " ",
  ),
);
/** "Which server" asks for any number of them. */
const askers = new Set("which welche welcher que cuales".split(" "));
const pluralNouns = new Set(
  "servers servern hosts machines boxes systems instances computers rechner rechnern maschinen systeme systemen hosts servidores maquinas equipos sistemas fleet infrastructure infrastruktur infraestructura".split(
    " ",
  ),
);
const singularNouns = new Set("server host machine box system instance computer maschine servidor maquina equipo sistema".split(" "));
const kindNouns: Readonly<Record<string, "vm" | "container">> = {
  vm: "vm",
  vms: "vm",
  "virtual-machine": "vm",
  container: "container",
  containers: "container",
  containern: "container",
  contenedor: "container",
  contenedores: "container",
  lxc: "container",
};
const exceptWords = new Set("except excluding without ausser ohne ausgenommen excepto salvo menos sin".split(" "));
const tagWords = new Set(
  "tagged tag tags labelled labeled getaggt markiert etiquetados etiquetado etiquetadas etiquetada etiqueta etiquetas".split(" "),
);
const distributions = new Set("ubuntu debian alpine fedora rocky almalinux centos rhel arch opensuse suse".split(" "));
const joiners = new Set(["and", "or", "und", "oder", "y", "o", "e", ","]);

/** Whether a word names hosts in general: server, hosts, Rechner, servidores, containers. */
export const isHostNoun = (word: string): boolean => pluralNouns.has(word) || singularNouns.has(word) || word in kindNouns;
/** Whether a word only holds a sentence together. */
export const isFiller = (word: string): boolean => fillers.has(word) || allWords.has(word);
export const isAll = (word: string): boolean => allWords.has(word);
export const isExcept = (word: string): boolean => exceptWords.has(word);

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

const everything: Scope = { selector: { op: "all" }, names: [], excluded: [], onlyNames: false, all: true, singular: false, notes: [] };

/** Where an exception begins, and how many words announce it: "except", "but not", "other than", "not on". */
function exceptAt(tokens: readonly Token[]): { at: number; length: number } | undefined {
  for (const [at, token] of tokens.entries()) {
    if (token.quoted) continue;
    if (exceptWords.has(token.text)) return { at, length: is(tokens[at + 1], "for", "de") ? 2 : 1 };
    if (is(token, "but", "aber", "pero") && is(tokens[at + 1], "not", "nicht", "no")) return { at, length: 2 };
    if (is(token, "other") && is(tokens[at + 1], "than")) return { at, length: 2 };
    if (at > 0 && is(token, "not", "nicht", "no") && !is(tokens[at + 1], "running", "responding", "working")) return { at, length: 1 };
  }
  return undefined;
}

/** What stands between two "and": hosts and filters; `noun`: it says servers, containers … itself. */
interface Group {
  readonly parts: Selector[];
  readonly filters: Selector[];
  kind?: Selector;
  noun: boolean;
}

interface Draft {
  readonly groups: Group[];
  group: Group;
  readonly names: string[];
  readonly notes: string[];
  all: boolean;
  singular: boolean;
  plural: boolean;
  /** The words that were looked up last: what an answer to a question explains. */
  phrase?: string;
}

const newGroup = (): Group => ({ parts: [], filters: [], noun: false });
const isEmpty = (group: Group): boolean => group.parts.length + group.filters.length === 0 && group.kind === undefined;

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
      read = readAt(tokens, at, draft, known);
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
  if (allWords.has(word)) draft.all = true;
  if (askers.has(word)) draft.plural = true;
  if (singularNouns.has(word)) draft.singular = true;
  if (pluralNouns.has(word)) draft.plural = true;
  const kind = kindNouns[word];
  if (isHostNoun(word)) draft.group.noun = true;
  if (kind !== undefined) {
    draft.group.kind = { op: "text", key: "kind", values: [kind] };
    if (/s$|n$|es$/.test(word)) draft.plural = true;
  }
}

/** Filters that are told by a word of their own: tags, selectors, globs, systems, measures, status. Returns how many words they took. */
function readAt(tokens: readonly Token[], at: number, draft: Draft, known: Known): { length: number } | Scoped | undefined {
  const token = tokens[at]!,
    next = tokens[at + 1];
  if (!token.quoted && tagWords.has(token.text)) return readTags(tokens, at, draft, known);
  if (/^[a-z_.]+(=|!=|<|>)./i.test(token.raw) && !token.quoted) {
    const parsed = parseSelector(token.raw);
    if (!parsed.ok) return refusal("infeasible", `"${token.raw}" is no selector: ${parsed.problem.message}`);
    draft.group.filters.push(parsed.selector);
    return { length: 1 };
  }
  if (/[*?]/.test(token.raw) && /^[\w.*?-]+$/.test(token.raw)) {
    draft.group.parts.push({ op: "text", key: "name", values: [token.text] });
    return { length: 1 };
  }
  if (
    is(token, "running", "laufen", "lauft", "ejecutan", "corriendo", "with", "mit", "con", "using", "die") &&
    next !== undefined &&
    distributions.has(next.text)
  )
    return { length: 1 };
  if (!token.quoted && distributions.has(token.text)) return readSystem(tokens, at, draft);
  const measure = readMeasure(tokens, at);
  if (measure !== undefined) {
    draft.group.filters.push(measure.selector);
    return { length: measure.length };
  }
  if (
    is(token, "running", "with", "mit", "con", "ejecutan") &&
    next !== undefined &&
    !next.quoted &&
    known.hosts.some(({ as }) => as.services?.includes(next.text) === true)
  ) {
    draft.group.filters.push({ op: "text", key: "service", values: [next.text] });
    return { length: 2 };
  }
  if (is(token, "offline", "down", "unreachable", "unerreichbar")) {
    draft.group.filters.push(not({ op: "text", key: "status", values: ["running"] }));
    return { length: 1 };
  }
  if (is(token, "online", "reachable", "erreichbar", "conectados")) {
    draft.group.filters.push({ op: "text", key: "status", values: ["running"] });
    return { length: 1 };
  }
  return undefined;
}

/** "tagged 'a' and 'b'": any of the tags. */
function readTags(tokens: readonly Token[], at: number, draft: Draft, known: Known): { length: number } | Scoped {
  const values: string[] = [];
  let end = at + 1;
  while (
    end < tokens.length &&
    is(tokens[end], "with", "as", "mit", "als", "con", "como", "tag", "the", "dem", "la", "etiqueta", "by", "von")
  )
    end += 1;
  while (end < tokens.length) {
    const token = tokens[end]!;
    if (values.length > 0 && joiners.has(token.text) && tokens[end + 1] !== undefined) {
      const after = tokens[end + 1]!;
      if (!after.quoted && !known.hosts.some(({ as }) => as.tags.includes(after.text))) break;
      end += 1;
      continue;
    }
    if (values.length > 0 && !joiners.has(tokens[end - 1]!.text)) break;
    values.push(token.text);
    end += 1;
  }
  if (values.length === 0) return question("Which tag?");
  const { tags } = fleetNames(known),
    missing = values.filter((value) => !tags.has(value) && !/[*?]/.test(value));
  if (missing.length > 0) {
    const near = spelling(missing[0]!, [...tags]);
    if (near !== undefined)
      return question(`No host has the tag "${missing[0]}". Did you mean "${near}"?`, [{ label: near, means: `tag=${near}` }], missing[0]);
    return refusal(
      "unknown_resource",
      `No host has the tag "${missing[0]}". Tags there are: ${[...tags].sort().slice(0, 20).join(", ") || "none"}.`,
    );
  }
  draft.group.filters.push({ op: "text", key: "tag", values });
  draft.plural = true;
  return { length: end - at };
}

function readSystem(tokens: readonly Token[], at: number, draft: Draft): { length: number } {
  draft.group.filters.push({ op: "text", key: "os", values: [tokens[at]!.text === "suse" ? "opensuse*" : tokens[at]!.text] });
  const version = tokens[at + 1];
  if (version === undefined || !/^\d+(\.\d+)*$/.test(version.text)) return { length: 1 };
  draft.group.filters.push({ op: "text", key: "os_version", values: [version.text] });
  return { length: 2 };
}

/** One way to understand words, with the hosts that it picks. */
interface Sense {
  readonly selector: Selector;
  readonly says: string;
  readonly rank: number;
}

/** What free words stand for: a glossary entry, a host, a tag, a label, the beginning of names. Several words are taken together first, then one by one. */
function meaning(tokens: readonly Token[], draft: Draft, known: Known): Scoped | undefined {
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
    const tagged = senses.filter(({ rank }) => rank < 4),
      chosen = oneSense(tagged.length > 0 ? tagged : senses, known);
    if (chosen !== undefined && tagged.length > 0 && tagged.length < senses.length) noteOthers(said, chosen, senses, draft, known);
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

const candidate = (sense: Sense, known: Known): { label: string; means: string } => {
  const hosts = pick(sense.selector, known).hosts.map(({ name }) => name);
  return {
    label: `${sense.says}: ${hosts.slice(0, 5).join(", ")}${hosts.length > 5 ? ` and ${hosts.length - 5} more` : ""}`,
    means: printSelector(sense.selector),
  };
};

/** The first of several senses that all pick the same hosts; undefined where they differ. */
function oneSense(senses: readonly Sense[], known: Known): Sense | undefined {
  const sets = new Set(
    senses.map((sense) =>
      pick(sense.selector, known)
        .hosts.map(({ name }) => name)
        .join(" "),
    ),
  );
  return sets.size === 1 ? senses[0] : undefined;
}

function sensesOf(words: readonly string[], known: Known): readonly Sense[] {
  const phrase = words.join(" "),
    dashed = words.join("-"),
    glossed = glossaryOf(phrase, known);
  if (glossed !== undefined) return [{ selector: glossed, says: `"${phrase}" of the glossary`, rank: 1 }];
  const names = fleetNames(known).byName.get(dashed) ?? fleetNames(known).byName.get(words.join("")) ?? [];
  if (names.length > 0) return [{ selector: { op: "text", key: "name", values: names }, says: "the host", rank: 0 }];
  const stem = stemOf(dashed),
    variants = new Set([dashed, words.join(""), stem, `${stem}s`, `${stem}server`, `${stem}-server`, `${stem}servers`, `${stem}-servers`]);
  const senses: Sense[] = [];
  const tags = [...new Set(known.hosts.flatMap(({ as }) => as.tags))].filter((tag) => variants.has(fold(tag)));
  for (const tag of tags) senses.push({ selector: { op: "text", key: "tag", values: [tag.toLowerCase()] }, says: `tag ${tag}`, rank: 2 });
  const labels = new Map(
    known.hosts
      .flatMap(({ as }) => Object.entries(as.labels))
      .filter(([, value]) => variants.has(fold(value)))
      .map(([key, value]) => [`${key}=${value}`, [key, value] as const]),
  );
  for (const [key, value] of labels.values())
    senses.push({
      selector: { op: "text", key: `label.${key.toLowerCase()}`, values: [value.toLowerCase()] },
      says: `label ${key}=${value}`,
      rank: 3,
    });
  for (const start of new Set([dashed, stem]))
    if (
      /^[a-z0-9][a-z0-9.-]*$/.test(start) &&
      known.hosts.some(({ name }) => name.startsWith(start) && /^[-\d]/.test(name.slice(start.length)))
    )
      senses.push({ selector: nameSense(start, known), says: `names that begin with ${start}`, rank: 4 });
  return dedupe(senses);
}

/** Names that are the word with a number or a part after a hyphen: `web-01`, `web1`, never `website`. */
function nameSense(start: string, known: Known): Selector {
  const rests = known.hosts.flatMap(({ name }) => (name.startsWith(start) ? [name.slice(start.length)] : [])),
    digits = [...new Set(rests.map((rest) => rest[0] ?? "").filter((first) => /\d/.test(first)))].sort();
  return {
    op: "text",
    key: "name",
    values: [...(rests.some((rest) => rest.startsWith("-")) ? [`${start}-*`] : []), ...digits.map((digit) => `${start}${digit}*`)],
  };
}

const dedupe = (senses: readonly Sense[]): Sense[] => [...new Map(senses.map((sense) => [printSelector(sense.selector), sense])).values()];

/** `webservern` and `web-servers` say what `web` says. */
const stemOf = (word: string): string => {
  const stem = word.replace(
    /-?(servers|servern|server|hosts|host|rechnern|rechner|maschinen|machines|machine|servidores|servidor|box|boxes)$/,
    "",
  );
  return stem === "" ? word : stem;
};

function glossaryOf(phrase: string, known: Known): Selector | undefined {
  const forms = new Set([phrase, stemOf(phrase), phrase.replace(/s$/, "")]);
  for (const [key, value] of Object.entries(known.glossary)) {
    if (!forms.has(fold(key)) && !forms.has(stemOf(fold(key)))) continue;
    const picked = pickText(value, known);
    if (picked !== undefined && picked.hosts.length + picked.unknown.length > 0) return picked.selector;
  }
  return undefined;
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
