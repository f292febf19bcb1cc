import { createHash } from "node:crypto";
import { fold, tokenise } from "../grammar/tokens.ts";
import type { Known, KnownHost } from "../known.ts";
import { hostRow, osOf } from "./read.ts";

const limits = { allRows: 150, namedRows: 40, resources: 200 };

/** What a conversation is told of the fleet: counts and names of tags always, every host only in a small one. JSON, since names are data. */
export function inventoryText(known: Known): string {
  const { hosts, resources, glossary } = known,
    count = (values: readonly string[]): Record<string, number> => {
      const counts: Record<string, number> = {};
      for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
      return counts;
    };
  return JSON.stringify({
    hosts: hosts.length,
    online: hosts.filter(({ online }) => online).length,
    tags: count(hosts.flatMap(({ as }) => as.tags)),
    os: count(hosts.map(osOf)),
    glossary,
    resources: { count: resources.length, ids: resources.slice(0, limits.resources).map(({ id }) => id) },
    ...(hosts.length <= limits.allRows ? { rows: hosts.map(hostRow) } : {}),
  });
}

export const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16);

/** Rows of the hosts that a sentence mentions by name, alias, tag or pattern, where not every host was shown. */
export function namedRows(sentence: string, known: Known): readonly object[] {
  if (known.hosts.length <= limits.allRows) return [];
  const words = new Set(tokenise(sentence).map(({ text }) => text)),
    mentioned = ({ as }: KnownHost): boolean => [as.name, ...(as.aliases ?? []), ...as.tags].some((name) => words.has(fold(name)));
  return known.hosts.filter(mentioned).slice(0, limits.namedRows).map(hostRow);
}
