/** Tells whether a name matches a pattern of `*`, `?` and plain characters. */
export function globMatcher(pattern: string): (name: string) => boolean {
  const source = pattern
    .replace(/\*+/g, "*")
    .split("")
    .map((char) => (char === "*" ? ".*" : char === "?" ? "." : char.replace(/[\\^$.*+?()[\]{}|]/, "\\$&")))
    .join("");
  const form = new RegExp(`^${source}$`, "s");
  return (name) => form.test(name);
}
