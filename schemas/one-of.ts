import Type, { type TUnsafe } from "typebox";

/** A text out of a closed list, as JSON Schema `enum`. */
export const oneOf = <const T extends readonly string[]>(values: T): TUnsafe<T[number]> =>
  Type.Unsafe<T[number]>({ type: "string", enum: [...values] });
