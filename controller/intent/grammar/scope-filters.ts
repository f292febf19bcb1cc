import { not, parseSelector } from "../../../schemas/selector.ts";
import { fleetNames, type Known } from "../known.ts";
import { question, refusal } from "../words/define.ts";
import { spelling } from "../words/unit-names.ts";
import { readMeasure } from "./measure.ts";
import type { Draft, Scoped } from "./scope-draft.ts";
import { distributions, joiners, tagWords } from "./scope-words.ts";
import { is, type Token } from "./tokens.ts";

/** Filters that are told by a word of their own: tags, selectors, globs, systems, measures, status. Returns how many words they took. */
export function readFilter(tokens: readonly Token[], at: number, draft: Draft, known: Known): { length: number } | Scoped | undefined {
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
