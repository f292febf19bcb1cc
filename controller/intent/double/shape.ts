/** The keys of an object and the kinds of their values, as names joined by `|`: `"string|null"`. A key that ends in `?` may be absent. */
export type Shape = Readonly<Record<string, string>>;

/** A JSON object of which nothing is known. */
export type Fields = Readonly<Record<string, unknown>>;

/** Tells whether a value is a JSON object. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}

/** Yields what is wrong with an object: keys that are missing, unknown, or of another kind. `at` is its path, empty at the top. */
export function* shapeProblems(at: string, value: unknown, shape: Shape): Iterable<string> {
  const path = (key: string) => (at === "" ? key : `${at}.${key}`);
  if (!isFields(value)) return yield `${at}: Input should be an object`;
  for (const [name, kinds] of Object.entries(shape)) {
    const key = name.replace("?", "");
    if (value[key] === undefined) {
      if (key === name) yield `${path(key)}: Field required`;
    } else if (kinds !== "any" && !kinds.split("|").includes(kindOf(value[key]))) yield `${path(key)}: Input should be a valid ${kinds}`;
  }
  for (const key of Object.keys(value)) if (!(key in shape) && !(`${key}?` in shape)) yield `${path(key)}: Extra inputs are not permitted`;
}
