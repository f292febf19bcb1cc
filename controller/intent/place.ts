import type { Wish } from "./words/define.ts";

/** A new resource that a sentence makes has a file of its own, so that it can be taken back with it. */
export const fileFor = (kind: string, name: string): string => `manifests/requests/${kind.toLowerCase()}-${name}.yaml`;

/** A DNS label (RFC 1123) out of any text; `x` where nothing is left. */
export const label = (text: string): string => {
  const tidy = text
    .normalize("NFD")
    .replaceAll(/\p{M}/gu, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replace(/^-+/, "")
    .slice(0, 63)
    .replace(/-+$/, "");
  return tidy === "" ? "x" : tidy;
};

/** A name that no resource of the kind has: the wish's own, else with the scope behind it, else with a number. */
export function newName(wish: Pick<Wish, "kind" | "name">, scope: string, taken: ReadonlySet<string>): string {
  const base = label(wish.name),
    scoped = label(`${base.slice(0, 40)}-${scope.replaceAll(/\b(name|tag|os|kind|label)\b[.=]?/g, " ")}`);
  for (const name of [base, ...(scope === "*" ? [] : [scoped])]) if (!taken.has(`${wish.kind}/${name}`)) return name;
  for (let number = 2; ; number++) {
    const name = `${base.slice(0, 58).replace(/-+$/, "")}-${number}`;
    if (!taken.has(`${wish.kind}/${name}`)) return name;
  }
}
