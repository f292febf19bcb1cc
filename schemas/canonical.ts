/** Canonical JSON (RFC 8785): keys sorted by UTF-16 code units, no white space, `undefined` members left out. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item === undefined ? null : item)).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null";
  const members: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const member = (value as Record<string, unknown>)[key];
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(member)}`);
  }
  return `{${members.join(",")}}`;
}

/** The key under which an ask's fact is kept: equal asks have equal keys, whatever the order of their fields. */
export const askKey = (ask: { readonly probe: string; readonly input: unknown }): string => `${ask.probe} ${canonicalJson(ask.input)}`;
