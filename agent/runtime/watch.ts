import { createHash } from "node:crypto";
import { askKey, canonicalJson } from "../../schemas/canonical.ts";
import type { Ask } from "../../schemas/contract.ts";
import { error } from "../../schemas/problem.ts";
import type { FactReport } from "../../schemas/report.ts";
import type { MetricsFact } from "../../schemas/verbs/host.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";
import { metricsMoved } from "./metrics-moved.ts";
import type { Probing } from "./probing.ts";
import type { By, Verbs } from "./verbs.ts";
import { WatchSources } from "./watch-sources.ts";

/** Keys that an agent watches at most. */
export const maxWatched = 20_000;
/** A fact larger than this is reported as a problem. */
const maxFact = 262_144;
const debounceMs = 5;
const probeMs = 30_000;
const maxAtOnce = 8;
const rescanMs = 5 * 60_000;

export interface WatchNeeds {
  readonly verbs: Pick<Verbs, "watchers">;
  readonly probe: Probing;
  /** Whether an ask can be answered at all; the others are reported with their problem and given to no watcher. */
  readonly usable: (ask: Ask) => boolean;
  /** Takes a fact that differs from the last one reported for its ask. */
  readonly report: (fact: FactReport) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Keeps an eye on a list of asks and reports each value once, when it is new. Every sign of change only marks a key as dirty; the fact is read afresh. */
export interface Watch {
  set(asks: readonly Ask[]): void;
  change(add: readonly Ask[], remove: readonly Ask[]): void;
  asks(): Ask[];
  /** Reports every current value again. */
  forget(): void;
  /** Looks again at all asks for which this holds. */
  look(which: (ask: Ask) => boolean): void;
  /** Asks that are watched and for which this holds. */
  matching(which: (ask: Ask) => boolean): Ask[];
  stepStarted(step: string, touched: (ask: Ask) => boolean): void;
  stepEnded(step: string): void;
  stop(): Promise<void>;
}

interface Entry {
  readonly ask: Ask;
  readonly usable: boolean;
  /** Digest of what was reported last; metrics are kept whole, they are compared by how far they moved. */
  digest?: string;
  metrics?: MetricsFact;
  /** Whether the last report said who changed it. */
  told?: boolean;
  probing?: boolean;
}

interface Mark {
  by?: By | undefined;
  step?: string | undefined;
}

/** Makes the watch of one agent: three timers at most, whatever the number of keys. */
export function watch(needs: WatchNeeds): Watch {
  return new LiveWatch(needs);
}

class LiveWatch implements Watch {
  readonly #needs: WatchNeeds;
  #entries = new Map<string, Entry>();
  #dirty = new Map<string, Mark>();
  #steps = new Map<string, (ask: Ask) => boolean>();
  readonly #sources: WatchSources;
  #atOnce = 0;
  #stopped = false;
  #cancelFlush: (() => void) | undefined;
  #cancelRescan: (() => void) | undefined;

  constructor(needs: WatchNeeds) {
    this.#needs = needs;
    this.#sources = new WatchSources({
      watchers: needs.verbs.watchers,
      inputs: (probe) => this.#inputs(probe),
      changed: (probe, input, by) => this.#changed(probe, input, by),
      look: (probe) => this.look((ask) => ask.probe === probe),
      clock: needs.clock,
      log: needs.log,
    });
  }

  asks(): Ask[] {
    return [...this.#entries.values()].map(({ ask }) => ask);
  }

  set(asks: readonly Ask[]): void {
    const wanted = new Map(asks.map((ask) => [askKey(ask), ask]));
    const gone = [...this.#entries].flatMap(([key, { ask }]) => (wanted.has(key) ? [] : [ask]));
    this.change([...wanted.values()], gone);
  }

  change(add: readonly Ask[], remove: readonly Ask[]): void {
    if (this.#stopped) return;
    const touched = new Set<string>(),
      added: string[] = [];
    for (const ask of remove) {
      const key = askKey(ask);
      if (!this.#entries.delete(key)) continue;
      this.#dirty.delete(key);
      touched.add(ask.probe);
    }
    for (const ask of add) {
      const key = askKey(ask);
      if (this.#entries.has(key)) continue;
      if (this.#entries.size >= maxWatched) {
        this.#needs.report({
          ask,
          at: this.#needs.clock.now(),
          problem: error("agent/too-many", `Unable to watch more than ${maxWatched} things`),
        });
        continue;
      }
      const usable = this.#needs.usable(ask);
      this.#entries.set(key, { ask, usable });
      if (usable) touched.add(ask.probe);
      else this.#mark(key, {});
      added.push(key);
    }
    for (const probe of touched) this.#arm(probe, added);
    this.#scheduleRescan();
  }

  forget(): void {
    for (const [key, entry] of this.#entries) {
      delete entry.digest;
      delete entry.metrics;
      this.#mark(key, {});
    }
  }

  look(which: (ask: Ask) => boolean): void {
    for (const [key, { ask }] of this.#entries) if (which(ask)) this.#mark(key, {});
  }

  matching(which: (ask: Ask) => boolean): Ask[] {
    return [...this.#entries.values()].flatMap(({ ask, usable }) => (usable && which(ask) ? [ask] : []));
  }

  stepStarted(step: string, touched: (ask: Ask) => boolean): void {
    this.#steps.set(step, touched);
  }

  stepEnded(step: string): void {
    const touched = this.#steps.get(step);
    this.#steps.delete(step);
    if (touched === undefined) return;
    for (const [key, { ask }] of this.#entries) if (touched(ask)) this.#mark(key, { step });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const cancel of [this.#cancelFlush, this.#cancelRescan]) cancel?.();
    this.#dirty.clear();
    await this.#sources.stop();
  }

  #mark(key: string, { by, step }: Mark): void {
    if (this.#stopped) return;
    const mark = this.#dirty.get(key);
    if (mark === undefined) this.#dirty.set(key, { by, step });
    else {
      mark.by ??= by;
      mark.step ??= step;
    }
    this.#cancelFlush ??= this.#needs.clock.after(debounceMs, () => {
      this.#cancelFlush = undefined;
      this.#flush();
    });
  }

  #flush(): void {
    for (const [key, mark] of this.#dirty) {
      if (this.#atOnce >= maxAtOnce) return;
      const entry = this.#entries.get(key);
      // Still being read: it stays dirty and is read once more afterwards.
      if (entry?.probing === true) continue;
      this.#dirty.delete(key);
      if (entry !== undefined) void this.#probe(key, entry, mark);
    }
  }

  async #probe(key: string, entry: Entry, mark: Mark): Promise<void> {
    entry.probing = true;
    this.#atOnce += 1;
    const step = mark.step ?? this.#stepOn(entry.ask);
    const { at, value, problem } = await this.#needs.probe(entry.ask, probeMs);
    entry.probing = false;
    this.#atOnce -= 1;
    const extra = { ...(mark.by === undefined ? {} : { by: mark.by }), ...(step === undefined ? {} : { step }) };
    if (!this.#stopped && this.#entries.get(key) === entry)
      this.#compare(entry, { ask: entry.ask, at, ...(problem === undefined ? { value } : { problem }), ...extra });
    if (this.#dirty.size > 0 && this.#cancelFlush === undefined) this.#flush();
  }

  #compare(entry: Entry, fact: FactReport): void {
    const text = canonicalJson(fact.problem ?? fact.value);
    if (text.length > maxFact)
      return this.#compare(entry, {
        ask: fact.ask,
        at: fact.at,
        problem: error("probe/too-large", `Unable to report ${fact.ask.probe}: the answer is larger than ${maxFact} bytes`),
      });
    if (entry.ask.probe === "metrics" && fact.value !== undefined) {
      const figures = fact.value as MetricsFact;
      if (entry.metrics !== undefined && entry.digest === undefined && !metricsMoved(entry.metrics, figures)) return;
      entry.metrics = figures;
      delete entry.digest;
    } else {
      const digest = createHash("sha256")
        .update(fact.problem === undefined ? "value " : "problem ")
        .update(text)
        .digest("base64url")
        .slice(0, 22);
      // Who changed it is often found out a moment later than that it changed: the same value is told once more for that.
      if (digest === entry.digest && (fact.by === undefined || entry.told === true)) return;
      entry.digest = digest;
      entry.told = fact.by !== undefined;
    }
    this.#needs.report(fact);
  }

  #stepOn(ask: Ask): string | undefined {
    for (const [step, touched] of this.#steps) if (touched(ask)) return step;
    return undefined;
  }

  #inputs(probe: string): never[] {
    return [...this.#entries.values()].flatMap(({ ask, usable }) => (usable && ask.probe === probe ? [ask.input as never] : []));
  }

  #arm(probe: string, added: readonly string[]): void {
    this.#sources.arm(probe, () => {
      for (const key of added) if (this.#entries.get(key)?.ask.probe === probe) this.#mark(key, {});
    });
  }

  #changed(probe: string, input: unknown, by: By | undefined): void {
    const key = askKey({ probe, input });
    if (this.#entries.has(key)) this.#mark(key, { by });
  }

  /** Looks at everything now and then, for signs that were missed; also tries again to make watchers that could not be made. */
  #scheduleRescan(): void {
    if (this.#cancelRescan !== undefined || this.#stopped || this.#entries.size === 0) return;
    this.#cancelRescan = this.#needs.clock.after(rescanMs * (0.8 + Math.random() * 0.4), () => {
      this.#cancelRescan = undefined;
      this.#sources.retry();
      this.look(() => true);
      this.#scheduleRescan();
    });
  }
}
