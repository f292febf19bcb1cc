import { compileGlob } from "../../schemas/selector/glob.ts";

/**
 * A pattern of absolute paths: `*` and `?` stay within a part, `**` spans parts, and what it names includes all below.
 * Answers how deep the match lies: the number of parts of the longest leading path that the pattern matches; -1 for none.
 */
export type PathPattern = (path: string) => number;

const partsOf = (path: string): string[] => path.split("/").filter((part) => part !== "");

/** Reads a pattern such as `/etc/nginx` or `/etc/cron*`. */
export function pathPattern(pattern: string): PathPattern {
  const stem = partsOf(pattern.replace(/(\/\*\*)+\/?$/, ""));
  const tests = stem.map((part) => (part === "**" ? "any" : compileGlob(part)));
  return (path) => {
    const parts = partsOf(path);
    for (let depth = parts.length; depth >= 0; depth--) if (matches(tests, 0, parts, 0, depth)) return depth;
    return -1;
  };
}

type Test = "any" | ((part: string) => boolean);

function matches(tests: readonly Test[], test: number, parts: readonly string[], part: number, end: number): boolean {
  const want = tests[test];
  if (want === undefined) return part === end;
  if (want === "any") return matches(tests, test + 1, parts, part, end) || (part < end && matches(tests, test, parts, part + 1, end));
  return part < end && want(parts[part]!) && matches(tests, test + 1, parts, part + 1, end);
}
