import Type from "typebox";
import { error, ProblemError } from "../../schemas/problem.ts";
import type { Page, PageRequest } from "../store/store.ts";

/** The query of a listing: at most `limit` items after `cursor`. */
export const pageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: "How many at most; 100 where not said" })),
  cursor: Type.Optional(Type.String({ maxLength: 1024, description: "`next` of the piece before" })),
};
export const PageQuery = Type.Object(pageQuery);

/** A piece of a listing that is in memory, in the order of its keys; the cursor holds the last key, so that items that come and go in between do no harm. */
export function pieceOf<T>(items: readonly T[], keyOf: (item: T) => string, request: PageRequest): Page<T> {
  const after = request.cursor === undefined ? undefined : keyIn(request.cursor),
    limit = request.limit ?? 100;
  const sorted = items.map((item) => ({ item, key: keyOf(item) })).sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const rest = after === undefined ? sorted : sorted.filter(({ key }) => key > after);
  const piece = rest.slice(0, limit),
    last = piece.at(-1);
  return {
    items: piece.map(({ item }) => item),
    ...(rest.length > limit && last !== undefined ? { next: Buffer.from(last.key).toString("base64url") } : {}),
  };
}

function keyIn(cursor: string): string {
  const key = Buffer.from(cursor, "base64url");
  if (key.toString("base64url") === cursor) return key.toString();
  throw new ProblemError(error("invalid/cursor", "Unable to go on from this cursor: it is not one of this listing"));
}
