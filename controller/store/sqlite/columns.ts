import type { Page, PageRequest } from "../store.ts";

/** JSON for a column; SQL's NULL stands for undefined alone. */
export const jsonOrNull = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));

/** The value of a JSON column; the store wrote it, so its type is the caller's word. */
export const parsed = <T>(text: string | null): T | undefined => (text === null ? undefined : (JSON.parse(text) as T));

/** A column that may be NULL, as a field that may be undefined. */
export const orUndefined = <T>(value: T | null): T | undefined => value ?? undefined;

/** A sane number of items: 1 to 1 000, by default 100. */
export const clampLimit = (limit: number | undefined): number => Math.min(1000, Math.max(1, Math.trunc(limit ?? 100)));

/** Reads one piece of a listing that is ordered by a falling number: `rows(below, count)` answers rows whose number is under `below`. */
export function page<Row, T>(
  request: PageRequest | undefined,
  rows: (below: number, count: number) => Row[],
  number: (row: Row) => number,
  item: (row: Row) => T,
): Page<T> {
  const limit = clampLimit(request?.limit),
    below = /^\d{1,15}$/.test(request?.cursor ?? "") ? Number(request?.cursor) : Number.MAX_SAFE_INTEGER;
  const found = rows(below, limit + 1),
    kept = found.slice(0, limit),
    last = kept.at(-1);
  return { items: kept.map(item), next: found.length > limit && last !== undefined ? String(number(last)) : undefined };
}
