import { printSelector, type Selector } from "../../../schemas/selector.ts";
import { fleetNames, type Known, pick, pickText } from "../known.ts";
import { fold } from "./tokens.ts";

/** One way to understand words, with the hosts that it picks. */
export interface Sense {
  readonly selector: Selector;
  readonly says: string;
  readonly rank: number;
}

/** Everything that words may stand for, with the surest first. */
export function sensesOf(words: readonly string[], known: Known): readonly Sense[] {
  const phrase = words.join(" "),
    dashed = words.join("-"),
    glossed = glossaryOf(phrase, known);
  if (glossed !== undefined) return [{ selector: glossed, says: `"${phrase}" of the glossary`, rank: 1 }];
  const names = fleetNames(known).byName.get(dashed) ?? fleetNames(known).byName.get(words.join("")) ?? [];
  if (names.length > 0) return [{ selector: { op: "text", key: "name", values: names }, says: "the host", rank: 0 }];
  const stem = stemOf(dashed),
    variants = new Set([
      dashed,
      words.join(""),
      stem,
      `${stem}s`,
      `${stem}server`,
      `${stem}-server`,
      `${stem}servers`,
      `${stem}-servers`,
      `${stem}_server`,
      `${stem}_servers`,
    ]);
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
export const stemOf = (word: string): string => {
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

/** A sense as an answer to choose, with the hosts that it picks. */
export const candidate = (sense: Sense, known: Known): { label: string; means: string } => {
  const hosts = pick(sense.selector, known).hosts.map(({ name }) => name);
  return {
    label: `${sense.says}: ${hosts.slice(0, 5).join(", ")}${hosts.length > 5 ? ` and ${hosts.length - 5} more` : ""}`,
    means: printSelector(sense.selector),
  };
};

/** The first of several senses that all pick the same hosts; undefined where they differ. */
export function oneSense(senses: readonly Sense[], known: Known): Sense | undefined {
  const sets = new Set(
    senses.map((sense) =>
      pick(sense.selector, known)
        .hosts.map(({ name }) => name)
        .join(" "),
    ),
  );
  return sets.size === 1 ? senses[0] : undefined;
}
