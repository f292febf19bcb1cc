/** The parts of a dotted key; a backslash before a dot or a backslash makes it an ordinary character: `a\.b.c` is `a.b`, `c`. */
export function splitKey(key: string): string[] {
  const parts: string[] = [""];
  for (let at = 0; at < key.length; at += 1) {
    const char = key[at] as string;
    const next = key[at + 1];
    if (char === "\\" && (next === "." || next === "\\")) {
      parts[parts.length - 1] += next;
      at += 1;
    } else if (char === ".") parts.push("");
    else parts[parts.length - 1] += char;
  }
  return parts;
}

/** A key that is not a path: dots stay, escaped or not. */
export const wholeKey = (key: string): string => splitKey(key).join(".");

/** A JSON pointer (`/a/b~1c`, RFC 6901) or a dotted key, as parts. */
export function pathParts(key: string): string[] {
  if (!key.startsWith("/")) return splitKey(key);
  return key
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}
