import type { ProbeName } from "../../schemas/verbs/index.ts";
import type { Clock } from "./clock.ts";
import { type Log, reasonOf } from "./log.ts";
import type { By, Verbs, Watcher } from "./verbs.ts";

/** A watcher that takes longer than this to get ready does not hold the first look back. */
const armingMs = 2000;

/** Milliseconds between looks at a probe that nothing watches. */
const pollMs = (probe: string): number => (probe === "metrics" ? 10_000 : 30_000);

type Factory = (dirty: (input: unknown, by?: By) => void) => Promise<Watcher<ProbeName>>;

export interface SourceNeeds {
  readonly watchers: Verbs["watchers"];
  /** Inputs of a probe that are wanted now. */
  readonly inputs: (probe: string) => readonly never[];
  /** A watcher says that one may have changed. */
  readonly changed: (probe: string, input: unknown, by: By | undefined) => void;
  /** All of a probe are to be looked at. */
  readonly look: (probe: string) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Where signs of change come from: a watcher for each probe that has one, and one timer for all the others. */
export class WatchSources {
  readonly #needs: SourceNeeds;
  readonly #watchers = new Map<string, Promise<Watcher<ProbeName> | undefined>>();
  /** When each probe without a watcher is due. */
  readonly #due = new Map<string, number>();
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(needs: SourceNeeds) {
    this.#needs = needs;
  }

  /**
   * The inputs of a probe changed: gives them to its watcher; the probe is polled where it has none or where that fails.
   * `read` is called once they are watched, so that no change falls in between; but it does not wait long for that.
   */
  arm(probe: string, read: () => void): void {
    const factory = this.#needs.watchers[probe as ProbeName] as Factory | undefined;
    if (factory === undefined) {
      if (this.#needs.inputs(probe).length === 0) this.#due.delete(probe);
      else if (!this.#due.has(probe)) this.#poll(probe);
      return read();
    }
    const cancel = this.#needs.clock.after(armingMs, read);
    const armed = this.#give(probe, factory).finally(() => {
      cancel();
      read();
    });
    this.#watchers.set(probe, armed);
  }

  /** Tries again to make watchers that could not be made. */
  retry(): void {
    for (const probe of this.#due.keys()) this.arm(probe, () => {});
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    for (const made of this.#watchers.values()) await (await made)?.close();
  }

  async #give(probe: string, factory: Factory): Promise<Watcher<ProbeName> | undefined> {
    const { inputs, changed, log } = this.#needs;
    try {
      const made = await this.#watchers.get(probe);
      if (this.#stopped || (made === undefined && inputs(probe).length === 0)) return made;
      const watcher = made ?? (await factory((input, by) => changed(probe, input, by)));
      // What is wanted by now: several changes may have come while the watcher was made.
      await watcher.set([...inputs(probe)]);
      this.#due.delete(probe);
      return watcher;
    } catch (failure) {
      log("warn", "unable to watch; looking now and then instead", { probe, reason: reasonOf(failure) });
      this.#poll(probe);
      return undefined;
    }
  }

  #poll(probe: string): void {
    this.#due.set(probe, this.#needs.clock.now() + pollMs(probe));
    this.#schedule();
  }

  #schedule(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#stopped || this.#due.size === 0) return;
    const { clock } = this.#needs,
      first = Math.min(...this.#due.values());
    this.#cancel = clock.after(Math.max(0, first - clock.now()), () => {
      const now = clock.now();
      for (const [probe, due] of this.#due) {
        if (due > now) continue;
        this.#due.set(probe, now + pollMs(probe));
        this.#needs.look(probe);
      }
      this.#schedule();
    });
  }
}
