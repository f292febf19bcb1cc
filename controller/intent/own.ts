/** The value of a key that the record itself has: words of people and models are used as keys, and "constructor" is one of them. */
export const own = <T>(record: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined;
