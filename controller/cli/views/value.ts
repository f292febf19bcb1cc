const longest = 100;

/** A value of a manifest or fact in one line: texts bare where nobody can mistake them, what is not there as (none), secrets by their name. */
export function valueText(value: unknown): string {
  if (value === undefined || value === null) return "(none)";
  if (typeof value === "string") return cut(isPlain(value) ? value : JSON.stringify(value));
  if (typeof value !== "object") return String(value);
  if ("secretRef" in value) return `(secret ${String(value.secretRef)})`;
  if ("join" in value && Array.isArray(value.join))
    return cut(value.join.map((part: unknown) => (typeof part === "string" ? part : valueText(part))).join(""));
  if (Array.isArray(value)) return cut(`[${value.map(valueText).join(", ")}]`);
  return cut(
    `{ ${Object.entries(value)
      .map(([key, one]) => `${key}: ${valueText(one)}`)
      .join(", ")} }`,
  );
}

/** Whether a text reads as itself: one line, no edges of blanks, not a number, not true or false. */
const isPlain = (text: string): boolean =>
  /^[^\s"'[\]{}(),]([^\n\r\t"]*[^\s"])?$/.test(text) && !/^(true|false|null|-?\d+(\.\d+)?)$/.test(text);

const cut = (text: string): string => (text.length <= longest ? text : `${text.slice(0, longest - 1)}… (${text.length} characters)`);
