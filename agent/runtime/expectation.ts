import { canonicalJson } from "../../schemas/canonical.ts";
import type { Expectation } from "../../schemas/plan.ts";

type Fields = Readonly<Record<string, unknown>>;

/** A field of a fact that is not as expected. */
export interface Mismatch {
  readonly field: string;
  readonly want: unknown;
  readonly have: unknown;
}

const fieldsOf = (fact: unknown): Fields => (typeof fact === "object" && fact !== null ? (fact as Fields) : {});

/** A field of a fact: by its name, or by a path such as `config.net0` where the fact holds a table of them. */
const fieldAt = (fields: Fields, name: string): unknown => {
  const dot = name.indexOf(".");
  if (dot < 0 || Object.hasOwn(fields, name)) return fields[name];
  return fieldAt(fieldsOf(fields[name.slice(0, dot)]), name.slice(dot + 1));
};

/** A field that is absent equals null: a plan travels as JSON, which knows no undefined. */
const same = (a: unknown, b: unknown): boolean => canonicalJson(a ?? null) === canonicalJson(b ?? null);

/** The fields of a fact that differ from what is expected. */
export function mismatches(expectation: Expectation, fact: unknown): Mismatch[] {
  const have = fieldsOf(fact);
  return Object.entries(expectation.fields ?? {}).flatMap(([field, want]) =>
    same(want, fieldAt(have, field)) ? [] : [{ field, want, have: fieldAt(have, field) }],
  );
}

/** Fields that should have become another value since `before` and did not. */
export function unchanged(expectation: Expectation, before: unknown, fact: unknown): string[] {
  const was = fieldsOf(before),
    have = fieldsOf(fact);
  return (expectation.changed ?? []).filter((field) => same(fieldAt(was, field), fieldAt(have, field)));
}

/** Whether the fact says itself that it is between two states. */
export const isChanging = (fact: unknown): boolean => fieldsOf(fact)["changing"] === true;

const shown = (value: unknown): string => {
  const text = value === undefined ? "nothing" : canonicalJson(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
};

/** One line a field: what was wanted, what is there. */
export const describeMismatches = (list: readonly Mismatch[]): string =>
  list.map(({ field, want, have }) => `${field}: want ${shown(want)}, have ${shown(have)}`).join("\n");
