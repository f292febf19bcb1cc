/** One document of a YAML text: where it starts and ends (UTF-16 offsets), and its first line, counted from 1. A leading `---` belongs to it. */
export interface YamlSlice {
  readonly start: number;
  readonly end: number;
  readonly line: number;
}

/**
 * Cuts a text into its documents at lines that start with `---`: YAML lets no content, not even a block text or a quoted one, hold such a line.
 * So each document can be read, cached and edited by itself, and a broken one does not hide the others.
 */
export function yamlSlices(text: string): YamlSlice[] {
  const slices: YamlSlice[] = [];
  let start = 0,
    line = 1,
    startLine = 1;
  for (let at = 0; at < text.length; line++) {
    if (at > start && isMarker(text, at)) {
      slices.push({ start, end: at, line: startLine });
      [start, startLine] = [at, line];
    }
    const newline = text.indexOf("\n", at);
    at = newline < 0 ? text.length : newline + 1;
  }
  slices.push({ start, end: text.length, line: startLine });
  return slices;
}

function isMarker(text: string, at: number): boolean {
  if (!text.startsWith("---", at)) return false;
  const after = text[at + 3];
  return after === undefined || after === "\n" || after === "\r" || after === " " || after === "\t";
}
