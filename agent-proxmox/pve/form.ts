/** Values of a request; undefined ones are left out. */
export type Params = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** Encodes values as a form: truth as 0 and 1, lists as repeated keys, `+` and everything else escaped (Proxmox VE takes `true` in JSON only). */
export function formOf(params: Params): string {
  const form = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) {
    if (value === undefined) continue;
    if (Array.isArray(value)) for (const one of value) form.append(key, String(one));
    else form.append(key, typeof value === "boolean" ? (value ? "1" : "0") : String(value));
  }
  return form.toString();
}
