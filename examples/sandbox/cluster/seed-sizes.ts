/** Bytes. */
export const mebi = 1024 ** 2;
export const gibi = 1024 ** 3;
