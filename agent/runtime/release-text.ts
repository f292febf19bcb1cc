import { readFile } from "node:fs/promises";
import type { Clock } from "./clock.ts";

const firstMs = 5000;
/** As often as the figures are looked at, and a second later: in between an agent does little. */
const codeEveryMs = 10_000;
const secondMs = 6000;
/** Every so many times all is given back, after a collection of garbage. */
const allEvery = 30;
/** Advice of madvise(2): drop clean pages, or write away and drop whatever is in them. */
const MADV_DONTNEED = 4;
const MADV_PAGEOUT = 21;

type Advise = (address: bigint, length: bigint, advice: number) => number;

interface Ffi {
  dlopen(library: string, symbols: object): { readonly symbols: { readonly madvise: Advise } };
}

/**
 * A program compiled by Bun is 100 MB, and starting it maps in 45 MB of it that an idle agent hardly uses again. Once
 * started, and now and then, this gives those pages back to the kernel, which maps them in again where they are needed: 100 KB
 * at a time, so that even a look at the figures brings 10 MB back. Code alone is therefore given back every ten seconds, which
 * takes microseconds. Elsewhere than in such a program it does nothing. Answers what ends it.
 */
export function releaseText(clock: Clock): () => void {
  const bun = (globalThis as { Bun?: { gc(force: boolean): void } }).Bun;
  if (bun === undefined) return () => {};
  let found: { readonly advise: Advise; readonly parts: readonly Part[] } | undefined;
  const find = async () => ({ advise: await madvise(), parts: partsOf(await readFile("/proc/self/maps", "utf8")) });
  const release = async (all: boolean): Promise<void> => {
    if (all) bun.gc(true);
    const { advise, parts } = (found ??= await find());
    for (const { from, length, code } of parts) if (all || code) advise(from, length, code ? MADV_DONTNEED : MADV_PAGEOUT);
  };
  let turn = 0;
  let cancel = clock.after(firstMs, function again() {
    // Not having done it costs memory, nothing else.
    release(turn++ % allEvery === 0).catch(() => undefined);
    cancel = clock.after(turn === 1 ? secondMs : codeEveryMs, again);
  });
  return () => cancel();
}

interface Part {
  readonly from: bigint;
  readonly length: bigint;
  readonly code: boolean;
}

/** Where this program's own file is mapped. Code is never written to, so its pages hold nothing that the file does not; what else of the file is mapped may. */
function partsOf(maps: string): Part[] {
  return maps.split("\n").flatMap((line) => {
    const [, from, to, rights, path] = /^([0-9a-f]+)-([0-9a-f]+) (r\S+) \S+ \S+ \S+\s+(\/.*)$/.exec(line) ?? [];
    if (path !== process.execPath) return [];
    return [{ from: BigInt(`0x${from}`), length: BigInt(`0x${to}`) - BigInt(`0x${from}`), code: rights === "r-xp" }];
  });
}

async function madvise(): Promise<Advise> {
  const module = "bun:ffi",
    ffi = (await import(module)) as Ffi;
  const arch = process.arch === "arm64" ? "aarch64" : "x86_64";
  const symbols = { madvise: { args: ["u64", "u64", "i32"], returns: "i32" } };
  try {
    return ffi.dlopen("libc.so.6", symbols).symbols.madvise;
  } catch {
    return ffi.dlopen(`libc.musl-${arch}.so.1`, symbols).symbols.madvise;
  }
}
