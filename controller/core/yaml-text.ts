import { stringify } from "yaml";

/** A value on one line, as it may stand inside `[ ]` and `{ }`: as JSON where YAML would take several lines. */
export function inlineYaml(value: unknown): string {
  const text = stringify([value], { collectionStyle: "flow", lineWidth: 0, flowCollectionPadding: false }).trimEnd();
  return text.includes("\n") ? JSON.stringify(value) : text.slice(1, -1);
}

/** A value on lines of its own, each indented; no line break at the end. */
export function blockYaml(value: unknown, indent: number): string {
  const text = stringify(value, { lineWidth: 0, indentSeq: true }).replace(/\n$/, "");
  return text
    .split("\n")
    .map((line) => (line === "" ? "" : `${" ".repeat(indent)}${line}`))
    .join("\n");
}

/** A scalar as it follows `key: `, in the quotes that the one before it had; undefined where it needs several lines. */
export function scalarYaml(value: unknown, before: string, inFlow: boolean): string | undefined {
  if (typeof value === "string" && !/[\n\r\t\\\u0000-\u001f\u007f-\u009f\ufeff\u2028\u2029]/.test(value)) {
    if (before.startsWith('"')) return `"${value.replaceAll('"', '\\"')}"`;
    if (before.startsWith("'")) return `'${value.replaceAll("'", "''")}'`;
  }
  const text = inFlow ? inlineYaml(value) : stringify(value, { lineWidth: 0 }).trimEnd();
  return text.includes("\n") || text.startsWith("|") || text.startsWith(">") ? undefined : text;
}

/** A text as a literal block (`|`) whose lines are indented by `indent`; undefined where it cannot be written so. The line break at its end is not part of it. */
export function literalYaml(text: string, indent: number): string | undefined {
  const body = text.replace(/\n+$/, ""),
    breaks = text.length - body.length;
  if (
    body === "" ||
    /^[ \n]/.test(body) ||
    breaks > 1 ||
    /[\r\t\u0000-\u0009\u000b-\u001f\u007f-\u009f\ufeff\u2028\u2029]/.test(body) ||
    /\n +(\n|$)/.test(body)
  )
    return undefined;
  const lines = body.split("\n").map((line) => (line === "" ? "" : `${" ".repeat(indent)}${line}`));
  return `|${breaks === 0 ? "-" : ""}\n${lines.join("\n")}`;
}
