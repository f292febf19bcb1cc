import { readFile } from "node:fs/promises";
import type { Clock } from "./clock.ts";

const firstMs = 5000;
const everyMs = 5 * 60_000;
/** Advice of madvise(2): drop clean pages, or write away and drop whatever is in them. */
const MADV_DONTNEED = 4;
const MADV_PAGEOUT = 21;

type Advise = (address: bigint, length: bigint, advice: number) => number;

interface Ffi {
  dlopen(library: string, symbols: object): { readonly symbols: { readonly madvise: Advise } };
}

/**
 * A program compiled by Bun is 100 MB, and starting it maps in 45 MB of it that an idle agent hardly uses again. Once
 * started, and now and then, this gives those pages back to the kernel, which maps them in again where they are needed.
 * Elsewhere than in such a program it does nothing. Answers what ends it.
 */
export function releaseText(clock: Clock): () => void {
  const bun = (globalThis as { Bun?: { gc(force: boolean): void } }).Bun;
  if (bun === undefined) return () => {};
  let advise: Promise<Advise> | undefined;
  const release = async (): Promise<void> => {
    bun.gc(true);
    giveBack(await readFile("/proc/self/maps", "utf8"), await (advise ??= madvise()));
  };
  let cancel = clock.after(firstMs, function again() {
    // Not having done it costs memory, nothing else.
    release().catch(() => undefined);
    cancel = clock.after(everyMs, again);
  });
  return () => cancel();
}

/** Code is never written to, so its pages hold nothing that the file does not; what else of the file is mapped may. */
function giveBack(maps: string, advise: Advise): void {
  for (const line of maps.split("\n")) {
    const [, from, to, rights, path] = /^([0-9a-f]+)-([0-9a-f]+) (r\S+) \S+ \S+ \S+\s+(\/.*)$/.exec(line) ?? [];
    if (path !== process.execPath) continue;
    advise(BigInt(`0x${from}`), BigInt(`0x${to}`) - BigInt(`0x${from}`), rights === "r-xp" ? MADV_DONTNEED : MADV_PAGEOUT);
  }
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
