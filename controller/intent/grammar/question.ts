import type { QuestionName } from "../../../schemas/intent.ts";
import { type Known, pick } from "../known.ts";
import { questions } from "../questions/index.ts";
import type { Params } from "../words/define.ts";
import { refusal } from "../words/define.ts";
import { spelling, unitVocabulary } from "../words/unit-names.ts";
import { findPhrase } from "./phrases.ts";
import { readMeasure } from "./measure.ts";
import { quoteScope, readScope } from "./scope.ts";
import { isHostNoun } from "./scope-words.ts";
import type { Scope, Scoped } from "./scope-draft.ts";
import { isHostName, isServiceNoun, plainWords, splitSubject } from "./subject.ts";
import { is, type Token } from "./tokens.ts";

export type HeardQuestion =
  | { readonly ask: QuestionName; readonly params: Params; readonly scope: Scope; readonly quote: string }
  | Exclude<Scoped, { scope: Scope } | { nothing: true }>;

const listers = ["list", "which", "welche", "welcher", "liste", "lista", "que", "cuales", "show all", "zeige alle", "muestra todos"];

/** A question in the words of the table, with what it is about; undefined where nothing of a question is heard. */
export function readQuestion(sentence: string, tokens: readonly Token[], known: Known): HeardQuestion | undefined {
  const found = hear(tokens);
  if (found === undefined) return undefined;
  const { asking, params, used } = found,
    rest = clauseOf(
      tokens.filter((_, at) => !used.has(at)),
      asking,
    );
  if (asking === "explain") return { ask: asking, params, scope: everywhere, quote: "" };
  const { object, scope } = splitSubject(rest, known),
    service = serviceIn(object, known),
    place = [...placeIn(object, service.places), ...scope];
  const read = readScope(place, known, ["list", "filter", "count", "metrics"].includes(asking));
  if ("question" in read || "refusal" in read) return read;
  const all = { ...params, ...(service.name === undefined ? {} : { service: service.name }) };
  if ("scope" in read) return { ask: asking, params: all, scope: read.scope, quote: quoteScope(sentence, place) };
  return { ask: asking, params: all, scope: homeOf(service.name, known), quote: "" };
}

const everywhere: Scope = { selector: { op: "all" }, names: [], excluded: [], onlyNames: false, all: true, singular: false, notes: [] };

function hear(tokens: readonly Token[]): { asking: QuestionName; params: Params; used: ReadonlySet<number> } | undefined {
  if (
    tokens.some((_, at) => readMeasure(tokens, at) !== undefined) &&
    questions.find(({ ask }) => ask === "count")?.hear(tokens) === undefined
  ) {
    const listed = questions.find(({ ask }) => ask === "list")?.hear(tokens);
    return { asking: "filter", params: {}, used: listed?.used ?? new Set() };
  }
  const lists = listers.some((phrase) => findPhrase(tokens.slice(0, 2), phrase) !== undefined);
  for (const asking of lists ? questions.filter(({ ask }) => ask !== "status") : questions) {
    const heard = asking.hear(tokens);
    if (heard !== undefined) return { asking: asking.ask, ...heard };
  }
  return undefined;
}

/** What is wrong is said in the first clause: "the API server isn't responding, can you check the logs?". */
function clauseOf(tokens: readonly Token[], asking: QuestionName): readonly Token[] {
  const comma = tokens.findIndex((token) => is(token, ",", ";"));
  return asking === "diagnose" && comma > 0 ? tokens.slice(0, comma) : tokens;
}

/** The service that the words before the first preposition, or after "from", speak of: "the payment service", "nginx". */
function serviceIn(object: readonly Token[], known: Known): { readonly name?: string | undefined; readonly places: ReadonlySet<number> } {
  const noun = object.findIndex((token, at) => !token.quoted && isServiceNoun(token.text) && at >= 0),
    vocabulary = unitVocabulary(known);
  if (noun >= 0) {
    const words = plainWords(object.filter((token) => !isHostName(token, known)));
    const joined = words.join("-");
    if (words.length > 0)
      return { name: vocabulary.includes(joined) ? joined : (spelling(joined, vocabulary) ?? joined), places: new Set(object.keys()) };
  }
  for (const [at, token] of object.entries()) {
    const next = object[at + 1];
    if (isHostName(token, known) || (next !== undefined && isHostNoun(next.text))) continue;
    if (vocabulary.includes(token.text)) return { name: token.text, places: new Set([at]) };
  }
  return { places: new Set() };
}

const placeIn = (object: readonly Token[], taken: ReadonlySet<number>): readonly Token[] =>
  object.filter((token, at) => !taken.has(at) && !is(token, ","));

/** Where a service is, for a question that does not say where; every host without one. */
function homeOf(service: string | undefined, known: Known): Scope {
  if (service === undefined) return everywhere;
  const names = known.hosts
    .filter(
      (host) =>
        host.units?.some(({ unit }) => unit.toLowerCase().startsWith(service)) === true ||
        known.resources.some(
          (one) => one.kind === "Service" && one.name === service && one.instances.some(({ host: on }) => on === host.name),
        ),
    )
    .map(({ name }) => name);
  return names.length === 0 || names.length > 200 ? everywhere : { ...everywhere, selector: { op: "text", key: "name", values: names } };
}

/** A question whose hosts are known, or why it cannot be asked. */
export function resolveQuestion(
  heard: Extract<HeardQuestion, { ask: unknown }>,
  known: Known,
): { readonly count: number } | { readonly refusal: ReturnType<typeof refusal>["refusal"] } {
  const { hosts, unknown } = pick(heard.scope.selector, known);
  if (hosts.length === 0 && unknown.length === 0 && !["list", "filter", "count", "explain"].includes(heard.ask))
    return refusal("unknown_resource", "No host matches.");
  return { count: hosts.length };
}
