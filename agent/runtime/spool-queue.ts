import { askKey } from "../../schemas/canonical.ts";
import type { FactReport, HostEvent } from "../../schemas/report.ts";
import type { SpoolEntry } from "./memory.ts";

/** Beyond so many facts only the newest of each key is kept; beyond so many events the oldest are counted instead. */
export const maxFacts = 2000;
export const maxEvents = 10_000;
/** Beyond so many bytes of JSON the oldest facts are let go, and everything is told afresh after the reconnect. */
export const maxBytes = 32 * 1024 * 1024;

interface Kept {
  entry: SpoolEntry;
  bytes: number;
}

const bytesOf = (entry: SpoolEntry): number => JSON.stringify(entry).length;

/** Numbered reports in order until they are acknowledged. Numbers only rise; one whose content was superseded may be left out. */
export class SpoolQueue {
  #kept: Kept[] = [];
  #facts = 0;
  #events = 0;
  #bytes = 0;
  #compactAt = maxFacts;
  #lost = false;
  last: number;
  acked: number;

  constructor(last = 0, acked = 0) {
    this.last = last;
    this.acked = acked;
  }

  get size(): number {
    return this.#kept.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Puts a report in; `rewritten` says that older ones changed. */
  add(facts: readonly FactReport[], events: readonly HostEvent[]): { readonly entry: SpoolEntry; readonly rewritten: boolean } {
    const entry: SpoolEntry = { seq: this.last + 1, facts, events };
    this.restore(entry);
    const rewritten = [this.#coalesce(), this.#dropEvents(), this.#dropFacts()].some(Boolean);
    return { entry, rewritten };
  }

  /** Puts back an entry that was read from disk. */
  restore(entry: SpoolEntry): void {
    const bytes = bytesOf(entry);
    this.last = Math.max(this.last, entry.seq);
    this.#kept.push({ entry, bytes });
    this.#facts += entry.facts.length;
    this.#events += entry.events.length;
    this.#bytes += bytes;
  }

  entries(): readonly SpoolEntry[] {
    return this.#kept.map(({ entry }) => entry);
  }

  /** The first entry numbered above `seq`. */
  next(seq: number): SpoolEntry | undefined {
    return this.#kept.find(({ entry }) => entry.seq > seq)?.entry;
  }

  ack(seq: number): void {
    this.acked = Math.max(this.acked, Math.min(seq, this.last));
    const stays = this.#kept.findIndex(({ entry }) => entry.seq > seq);
    for (const { entry, bytes } of this.#kept.splice(0, stays < 0 ? this.#kept.length : stays)) {
      this.#facts -= entry.facts.length;
      this.#events -= entry.events.length;
      this.#bytes -= bytes;
    }
    this.#compactAt = Math.max(maxFacts, this.#facts * 2);
  }

  /** Numbers everything anew above `seq`: the controller holds other reports under these numbers. */
  rebase(seq: number): void {
    const old = this.#kept;
    this.last = Math.max(this.last, seq);
    this.acked = seq;
    this.#replace(old.map(({ entry, bytes }) => ({ entry: { ...entry, seq: ++this.last }, bytes })));
  }

  /** Whether facts were let go since the last call. */
  takeLost(): boolean {
    const lost = this.#lost;
    this.#lost = false;
    return lost;
  }

  #replace(kept: Kept[]): void {
    this.#kept = kept;
    this.#facts = this.#events = this.#bytes = 0;
    for (const { entry, bytes } of kept) {
      this.#facts += entry.facts.length;
      this.#events += entry.events.length;
      this.#bytes += bytes;
    }
    this.#compactAt = Math.max(maxFacts, this.#facts * 2);
  }

  #map(change: (entry: SpoolEntry) => SpoolEntry): void {
    const kept = this.#kept.map((one) => {
      const entry = change(one.entry);
      return entry === one.entry ? one : { entry, bytes: bytesOf(entry) };
    });
    this.#replace(kept.filter(({ entry }) => entry.facts.length + entry.events.length > 0 || entry.gap !== undefined));
  }

  #coalesce(): boolean {
    if (this.#facts <= this.#compactAt) return false;
    const newest = new Map<string, FactReport>();
    for (const { entry } of this.#kept) for (const fact of entry.facts) newest.set(askKey(fact.ask), fact);
    const stays = new Set(newest.values());
    this.#map((entry) =>
      entry.facts.every((fact) => stays.has(fact)) ? entry : { ...entry, facts: entry.facts.filter((fact) => stays.has(fact)) },
    );
    return true;
  }

  #dropEvents(): boolean {
    let excess = this.#events - maxEvents;
    if (excess <= 0) return false;
    excess += maxEvents / 10;
    this.#map((entry) => {
      const drop = Math.min(excess, entry.events.length);
      if (drop === 0) return entry;
      excess -= drop;
      return { ...entry, events: entry.events.slice(drop), gap: (entry.gap ?? 0) + drop };
    });
    this.#joinGaps();
    return true;
  }

  /** Entries that hold a count alone are put together, so that they do not grow without bound either. */
  #joinGaps(): void {
    const kept: Kept[] = [];
    let carried = 0;
    for (const [index, one] of this.#kept.entries()) {
      const { entry } = one,
        gap = carried + (entry.gap ?? 0);
      const empty = entry.facts.length + entry.events.length === 0;
      if (empty && index < this.#kept.length - 1) carried = gap;
      else {
        carried = 0;
        const joined = gap === (entry.gap ?? 0) ? entry : { ...entry, gap };
        kept.push(joined === entry ? one : { entry: joined, bytes: bytesOf(joined) });
      }
    }
    this.#replace(kept);
  }

  #dropFacts(): boolean {
    if (this.#bytes <= maxBytes) return false;
    let excess = this.#bytes - maxBytes / 2;
    this.#lost = true;
    this.#map((entry) => {
      if (excess <= 0 || entry.facts.length === 0) return entry;
      const without = { ...entry, facts: [] };
      excess -= bytesOf(entry) - bytesOf(without);
      return without;
    });
    return true;
  }
}
