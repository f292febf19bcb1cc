/** Controls of terminals and text direction, but newline and tab: hosts choose many of the texts that are shown. */
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A text without what could steer a terminal. */
export const cleanText = (text: string): string => text.replace(controls, "\ufffd");

/** Data whose texts cannot steer a terminal: what every view is given. */
export function clean<T>(data: T): T {
  if (typeof data === "string") return cleanText(data) as T;
  if (Array.isArray(data)) return data.map(clean) as T;
  if (typeof data !== "object" || data === null) return data;
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [cleanText(key), clean(value)])) as T;
}

/** The same value as JSON, with such characters written as escapes. */
export const cleanJson = (value: unknown): string =>
  JSON.stringify(value, undefined, 2).replace(controls, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
