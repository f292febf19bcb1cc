import Mustache from "mustache";
import type { Text } from "../../core/model.ts";

/** What a template can name: scalars, lists, objects, and secrets, which stay references. */
export type TemplateValue =
  | string
  | number
  | boolean
  | { readonly secretRef: string }
  | readonly string[]
  | { readonly [name: string]: TemplateValue };
export type TemplateScope = { readonly [name: string]: TemplateValue };

/** mustache's own form of a parsed template: type, name or text, start, end, inner tokens. */
type Token = readonly [type: string, value: string, start: number, end: number, inner?: readonly Token[], ...rest: unknown[]];

export type ParsedTemplate = { readonly ok: true; readonly tokens: readonly Token[] } | { readonly ok: false; readonly reason: string };
export type RenderedTemplate =
  | { readonly ok: true; readonly text: Text }
  | { readonly ok: false; readonly reason: string; readonly missing?: string };

/** The largest text that a template may make, in characters; how deep sections may stand in each other; pieces it may be made of. */
const maxRendered = 1_048_576;
const maxDepth = 8;
const maxPieces = 200_000;

/** Reads a mustache template; partials and dotted section tricks that run code do not exist here. */
export function parseTemplate(template: string): ParsedTemplate {
  try {
    const tokens = new Mustache.Writer().parse(template) as unknown as readonly Token[];
    if (depthOf(tokens) > maxDepth) return { ok: false, reason: `sections stand more than ${maxDepth} deep in each other` };
    const partial = allTokens(tokens).find(([type]) => type === ">");
    return partial === undefined
      ? { ok: true, tokens }
      : { ok: false, reason: `a template cannot include another one: {{> ${partial[1]}}}` };
  } catch (cause) {
    return {
      ok: false,
      reason: cause instanceof Error ? cause.message.replace(/^U/, "u").replace(/ at (\d+)$/, " at character $1") : String(cause),
    };
  }
}

/** Every name that the template uses outside sections over lists, each once; `.` left out. */
export function namesOf(tokens: readonly Token[]): string[] {
  return [
    ...new Set(allTokens(tokens).flatMap(([type, value]) => (["name", "&", "#", "^"].includes(type) && value !== "." ? [value] : []))),
  ];
}

const allTokens = (tokens: readonly Token[]): Token[] =>
  tokens.flatMap((token) => [token, ...(Array.isArray(token[4]) ? allTokens(token[4]) : [])]);

/** How deep sections stand in each other; stops counting past the limit. */
function depthOf(tokens: readonly Token[], at = 0): number {
  if (at > maxDepth) return at;
  return tokens.reduce((deepest, [, , , , inner]) => (Array.isArray(inner) ? Math.max(deepest, depthOf(inner, at + 1)) : deepest), at);
}

class Unrenderable extends Error {
  readonly missing: string | undefined;
  constructor(reason: string, missing?: string) {
    super(reason);
    this.missing = missing;
  }
}

/** Fills a template in, with no HTML escaping. A name without a value is a failure, never an empty text. */
export function renderTemplate(tokens: readonly Token[], scope: TemplateScope): RenderedTemplate {
  const out: (string | { secretRef: string })[] = [];
  let size = 0,
    pieces = 0;
  const put = (piece: string | { secretRef: string }): void => {
    if (++pieces > maxPieces) throw new Unrenderable(`the template makes more than ${maxPieces} pieces`);
    size += typeof piece === "string" ? piece.length : 1;
    if (size > maxRendered) throw new Unrenderable("the text that the template makes is larger than 1 MiB");
    const last = out.length - 1;
    if (typeof piece === "string" && typeof out[last] === "string") out[last] += piece;
    else out.push(piece);
  };
  try {
    write(tokens, [scope], put);
  } catch (cause) {
    if (!(cause instanceof Unrenderable)) throw cause;
    return { ok: false, reason: cause.message, ...(cause.missing === undefined ? {} : { missing: cause.missing }) };
  }
  return { ok: true, text: out.every((piece) => typeof piece === "string") ? out.join("") : { join: out } };
}

function write(tokens: readonly Token[], scopes: readonly TemplateValue[], put: (piece: string | { secretRef: string }) => void): void {
  for (const [type, value, , , inner = []] of tokens) {
    if (type === "text") put(value);
    else if (type === "name" || type === "&") put(printable(value, lookUp(value, scopes)));
    else if (type === "#") {
      for (const each of itemsOf(lookUp(value, scopes))) {
        put("");
        write(inner, [...scopes, each], put);
      }
    } else if (type === "^" && itemsOf(lookUp(value, scopes)).length === 0) write(inner, scopes, put);
  }
}

function printable(name: string, value: TemplateValue): string | { secretRef: string } {
  if (typeof value !== "object") return String(value);
  if (isSecret(value)) return { secretRef: value.secretRef };
  if (Array.isArray(value)) return value.join(" ");
  throw new Unrenderable(`{{${name}}} is not one value`);
}

/** What a section runs over: a list's items, once for a value that is there, not at all for false and the empty text. */
function itemsOf(value: TemplateValue): readonly TemplateValue[] {
  if (Array.isArray(value)) return value as readonly string[];
  return value === false || value === "" || value === 0 ? [] : [value as TemplateValue];
}

const isSecret = (value: object): value is { readonly secretRef: string } => "secretRef" in value && typeof value.secretRef === "string";

function lookUp(name: string, scopes: readonly TemplateValue[]): TemplateValue {
  if (name === ".") return scopes.at(-1)!;
  const [first, ...rest] = name.split(".");
  for (const scope of scopes.toReversed()) {
    let found = member(scope, first!);
    if (found === undefined) continue;
    for (const part of pathIn(first!, rest)) found = found === undefined ? undefined : member(found, part);
    if (found !== undefined) return found;
  }
  throw new Unrenderable(`the template names {{${name}}}, which has no value`, name);
}

/** A label's name may hold dots of its own: what follows `host.labels` is one name. */
const pathIn = (first: string, rest: readonly string[]): readonly string[] =>
  first === "host" && rest[0] === "labels" && rest.length > 1 ? ["labels", rest.slice(1).join(".")] : rest;

const member = (value: TemplateValue, name: string): TemplateValue | undefined =>
  typeof value === "object" && !Array.isArray(value) && !isSecret(value) && Object.hasOwn(value, name)
    ? (value as TemplateScope)[name]
    : undefined;
