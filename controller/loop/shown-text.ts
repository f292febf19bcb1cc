/** Whether the spec of a File shows what is in the file: its whole text, or the values of `keys`; one that holds a secret shows nothing. */
export function showsText(spec: Readonly<Record<string, unknown>>, keys: readonly string[] | undefined): boolean {
  if (JSON.stringify(spec).includes('"secretRef"')) return false;
  if (["content", "source", "template"].some((field) => spec[field] !== undefined)) return true;
  return keys !== undefined && keys.every((key) => Object.hasOwn((spec["values"] ?? {}) as object, key));
}
