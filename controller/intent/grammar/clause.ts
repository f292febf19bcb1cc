import type { IntentQuestion, IntentRefusal, IntentStep } from "../../../schemas/intent.ts";
import { printSelector, type Selector } from "../../../schemas/selector.ts";
import { fleetNames, type Known, type KnownHost, pick, pickText } from "../known.ts";
import { type ActionWords, question, type Reading, refusal, type Said } from "../words/define.ts";
import { readScope } from "./scope.ts";
import { isAll, isFiller, isHostNoun } from "./scope-words.ts";
import type { Scope } from "./scope-draft.ts";
import { isHostName, plainWords, splitSubject } from "./subject.ts";
import { is, type Token } from "./tokens.ts";

/** What one clause of a request means. */
export type ClauseRead =
  | {
      readonly steps: readonly Omit<IntentStep, "after" | "condition">[];
      readonly scope: Scope;
      readonly place: readonly Token[];
      readonly notes: readonly string[];
    }
  | { readonly question: IntentQuestion }
  | { readonly refusal: IntentRefusal };

export interface ClauseInput {
  readonly tokens: readonly Token[];
  readonly candidates: readonly ActionWords[];
  readonly verb: string;
  readonly known: Known;
  /** A package that an earlier clause installs may bring what this one is about. */
  readonly afterInstall?: boolean | undefined;
  /** Scope and object of the clause before, for "and start it". */
  readonly before?: { readonly scope: Scope; readonly object: readonly Token[] } | undefined;
  /** A selector that a person gave in answer to "On which hosts?". */
  readonly answered?: string | undefined;
  /** A condition decides host by host: then every host that comes into question is meant. */
  readonly perHost?: boolean | undefined;
}

const valueWords = new Set("to auf a = as als en por : zu".split(" "));
const pronouns = new Set("it them that this those es sie das diese lo la los las".split(" "));
const plainValue = /^(-?\d+(\.\d+)*\s*[a-z%]{0,4}|on|off|yes|no|true|false|an|aus|si|prohibit-password)$/i;
const domainName = /^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z-]{1,}$/i;

/** Takes values, domains and paths out of a clause: they are never part of a scope. */
function takeOut(
  tokens: readonly Token[],
  known: Known,
): { rest: Token[]; value?: string | undefined; domains: string[]; paths: string[] } {
  const taken = new Set<number>(),
    domains: string[] = [],
    paths: string[] = [],
    { byName: hosts } = fleetNames(known);
  let value: string | undefined;
  for (const [at, token] of tokens.entries()) {
    const before = tokens[at - 1];
    if (/^\/[\w./@-]+$/.test(token.raw)) paths.push(token.raw);
    else if (domainName.test(token.raw) && !hosts.has(token.text) && !/\.(service|socket|timer|conf|ini|cnf|ya?ml|json)$/.test(token.text))
      domains.push(token.raw);
    else if (
      value === undefined &&
      before !== undefined &&
      is(before, ...valueWords) &&
      !taken.has(at - 1) &&
      (plainValue.test(token.raw) || (token.quoted && !hosts.has(token.text)))
    ) {
      value = /^\d+$/.test(token.raw) && /^[kmg]i?b?$/i.test(tokens[at + 1]?.raw ?? "") ? `${token.raw}${tokens[at + 1]!.raw}` : token.raw;
      taken.add(at - 1);
      if (value !== token.raw) taken.add(at + 1);
    } else continue;
    taken.add(at);
  }
  return { rest: tokens.filter((_, at) => !taken.has(at)), value, domains, paths };
}

/** Reads a clause whose verb is known: its object by the words of the kinds, its scope by the grammar. */
export function readClause({ tokens, candidates, verb, known, afterInstall, before, answered, perHost }: ClauseInput): ClauseRead {
  const { rest, value, domains, paths } = takeOut(tokens, known),
    split = splitSubject(rest, known);
  const bare =
    plainWords(split.object).length === 0 &&
    split.scope[0] !== undefined &&
    isHostName(split.scope[0], known) &&
    split.scope[0] === rest.find((token) => !isFiller(token.text));
  const hostsAsObject = bare || split.object.some(({ text, quoted }) => !quoted && isHostNoun(text));
  const again =
    split.object.length > 0 &&
    split.object.every(({ text }) => pronouns.has(text) || isFiller(text)) &&
    split.object.some(({ text }) => pronouns.has(text));
  const object = again && before !== undefined ? before.object : split.object,
    place = hostsAsObject ? rest : split.scope;
  const lists = hostsAsObject ? [[]] : objectsOf(object);
  const readings = lists.map((part) => ({
    part,
    reading: readWith(candidates, {
      verb,
      object: plainWords(part),
      words: [...split.object, ...(hostsAsObject ? split.scope : [])].map(({ text }) => text),
      value,
      domains,
      paths,
      objectIsHosts: hostsAsObject,
      known,
    }),
  }));
  for (const { reading } of readings) if (reading !== undefined && !("params" in reading.reading)) return reading.reading;
  if (readings.some(({ reading }) => reading === undefined)) return notUnderstood(candidates, object);
  const scoped = scopeOf(
    place,
    object,
    readings[0]!.reading!.words,
    readings[0]!.reading!.reading as Extract<Reading, { params: unknown }>,
    { known, before, answered, perHost },
  );
  if (!("scope" in scoped)) return scoped;
  const hosts = pick(scoped.scope.selector, known);
  if (hosts.hosts.length === 0)
    return hosts.unknown.length > 0
      ? refusal(
          "no_data",
          `It is not known which hosts match: ${hosts.unknown
            .slice(0, 10)
            .map(({ name }) => name)
            .join(", ")} did not tell.`,
        )
      : refusal("unknown_resource", "No host matches.");
  const steps = readings.map(({ reading }) => ({
    action: reading!.words.action,
    selector: printSelector(scoped.scope.selector),
    expectedCount: hosts.hosts.length,
    params: { ...(reading!.reading as Extract<Reading, { params: unknown }>).params },
  }));
  for (const step of steps) {
    const tried = candidates
      .find(({ action }) => action === step.action)!
      .expand(
        step.params,
        afterInstall === true ? hosts.hosts.map((host) => ({ ...host, units: undefined })) : hosts.hosts,
        "1970-01-01T00:00:00Z",
        known,
      );
    if (!("wishes" in tried)) return tried;
  }
  const notes = readings.flatMap(({ reading }) => (reading!.reading as Extract<Reading, { params: unknown }>).notes ?? []);
  return { steps, scope: scoped.scope, place, notes: [...notes, ...scoped.scope.notes] };
}

/** "nginx and php-fpm" are two objects. */
function objectsOf(object: readonly Token[]): Token[][] {
  const parts: Token[][] = [[]];
  for (const token of object) {
    if (is(token, "and", "und", "y", "e", ",", "&")) parts.push([]);
    else parts.at(-1)!.push(token);
  }
  const filled = parts.filter((part) => plainWords(part).length > 0);
  return filled.length === 0 ? [object.slice()] : filled;
}

function readWith(candidates: readonly ActionWords[], said: Said): { words: ActionWords; reading: Reading } | undefined {
  for (const words of candidates) {
    const reading = words.read(said);
    if (reading !== undefined) return { words, reading };
  }
  return undefined;
}

function notUnderstood(candidates: readonly ActionWords[], object: readonly Token[]): ClauseRead {
  const what = plainWords(object).join(" "),
    kind = candidates[0]?.action.split(".")[0];
  if (what === "")
    return question(kind === "service" ? "Which service?" : kind === "package" ? "Which package?" : "What exactly is to be changed?");
  return question(
    `It is not clear what "${what}" is: ${kind === "service" ? "name the service as systemctl does" : kind === "package" ? "name the package as the package manager does" : "name the setting, its new value and the program or file"}.`,
  );
}

interface Around {
  readonly known: Known;
  readonly before?: { readonly scope: Scope } | undefined;
  readonly answered?: string | undefined;
  readonly perHost?: boolean | undefined;
}

/** Where: what the clause says, an answer that was given, the clause before, else the one host that it can only be. */
function scopeOf(
  place: readonly Token[],
  object: readonly Token[],
  words: ActionWords,
  reading: Extract<Reading, { params: unknown }>,
  { known, before, answered, perHost }: Around,
): { readonly scope: Scope } | { readonly question: IntentQuestion } | { readonly refusal: IntentRefusal } {
  const read = readScope(place, known);
  if (!("nothing" in read)) return read;
  const given = answered === undefined ? undefined : pickText(answered, known);
  if (given !== undefined) return { scope: scopeFor(given.selector, given.hosts) };
  if (before !== undefined) return { scope: before.scope };
  const home = words.home(reading.params, known),
    all = object.some(({ text }) => isAll(text));
  if (home.length > 200) return question(`${home.length} hosts come into question. Say which: a tag, or their names.`);
  if (home.length === 1 || ((all || perHost === true) && home.length > 0)) return { scope: { ...scopeFor(named(home), home), all } };
  if (home.length === 0) return question("On which hosts? Name them, or a tag.");
  const each = home.slice(0, 18).map(({ name }) => ({ label: name, means: `name=${name}` })),
    every = { label: `all ${home.length} of them`, means: printSelector(named(home.slice(0, 250))) };
  return question(
    `${home.length} hosts come into question: ${home
      .slice(0, 10)
      .map(({ name }) => name)
      .join(", ")}${home.length > 10 ? " …" : ""}. On which?`,
    [every, ...each],
  );
}

const named = (hosts: readonly KnownHost[]): Selector => ({ op: "text", key: "name", values: hosts.map(({ name }) => name) });

const scopeFor = (selector: Selector, hosts: readonly KnownHost[]): Scope => ({
  selector,
  names: hosts.map(({ name }) => name),
  excluded: [],
  onlyNames: false,
  all: false,
  singular: false,
  notes: [],
});
