import { createTwoFilesPatch, OMIT_HEADERS } from "diff";

const maxLines = 200;
/** Edits past which two texts count as wholly different: the comparison grows with the square of them. */
const maxEditLength = 1000;

/** A unified diff of two texts without file headers, at most 200 lines; what follows is counted in a last line. An absent text has no lines. */
export function textDiff(have: string | undefined, want: string | undefined): string {
  if (!have) return cap(hunk("+", want ?? ""));
  if (!want) return cap(hunk("-", have));
  const patch = createTwoFilesPatch("", "", have, want, undefined, undefined, { context: 3, maxEditLength, headerOptions: OMIT_HEADERS });
  return cap(patch === undefined ? `${hunk("-", have)}\n${hunk("+", want)}` : patch.replace(/\n$/, ""));
}

function hunk(sign: "+" | "-", text: string): string {
  if (text === "") return "";
  const whole = text.endsWith("\n"),
    lines = (whole ? text.slice(0, -1) : text).split("\n");
  const head = sign === "+" ? `@@ -0,0 +1,${lines.length} @@` : `@@ -1,${lines.length} +0,0 @@`;
  return [head, ...lines.map((line) => `${sign}${line}`), ...(whole ? [] : ["\\ No newline at end of file"])].join("\n");
}

function cap(diff: string): string {
  const lines = diff.split("\n");
  if (lines.length <= maxLines) return diff;
  return [...lines.slice(0, maxLines), `… ${lines.length - maxLines} more lines`].join("\n");
}
