import type { Mark, Memory } from "../../runtime/memory.ts";
import type { ServicePlatform, ServiceReading } from "./platform.ts";

/** Notices when units load their files, whoever made them, and forgets the marks of what they have loaded by then. */
export interface Loads {
  /** A unit as it was read just now. */
  seen(reading: ServiceReading): Promise<void>;
  /** What a start of the unit loads, or a reload: to be asked before, and told to `loaded` afterwards, so that no clock has a say in it. */
  marked(unit: string, how: "start" | "reload"): readonly Mark[];
  /** A unit was started or reloaded by us. */
  loaded(marks: readonly Mark[]): Promise<void>;
  /** Drop-ins of the unit that we changed since it was started. */
  due(unit: string): string[];
  /** A step is about to change these drop-ins: only a start loads them. */
  markDropIns(unit: string, names: readonly string[]): Promise<void>;
  /** Tells the paths whose marks were forgotten. */
  onForgotten(listener: (paths: readonly string[]) => void): () => void;
  close(): void;
}

/** Watches all units that files are marked for. Reads every one of them at the start: much may have happened while the agent was away. */
export async function watchLoads(services: ServicePlatform, memory: Memory, now: () => number = Date.now): Promise<Loads> {
  const listeners = new Set<(paths: readonly string[]) => void>();
  const ids = new Map<string, string>();
  const tell = (paths: readonly string[]): void => {
    if (paths.length > 0) for (const listener of listeners) listener(paths);
  };
  const seen = async ({ fact, id, loadedAt, startedAt }: ServiceReading): Promise<void> => {
    ids.set(fact.unit, id);
    if (loadedAt === undefined || !memory.marks().some((mark) => mark.unit === fact.unit)) return;
    // What was changed within the same millisecond may have come after: it stays marked.
    // A load that lies ahead was before the clock was set back: whether that was before the mark cannot be told.
    if (loadedAt <= now()) tell(await memory.unmark(fact.unit, loadedAt - 1, (startedAt ?? 0) - 1));
  };
  const look = (id: string | undefined): void => {
    const units = new Set(memory.marks().map((mark) => mark.unit));
    for (const unit of units)
      if (id === undefined || unit === id || ids.get(unit) === id)
        void services
          .read(unit)
          .then(seen)
          .catch(() => undefined);
  };
  const stop = await services.watch(look);
  look(undefined);
  return {
    seen,
    marked: (unit, how) => memory.marks().filter((mark) => mark.unit === unit && (how === "start" || mark.path.startsWith("/"))),
    loaded: async (marks) => tell(await memory.forgetMarks(marks)),
    due: (unit) =>
      memory
        .marks()
        .flatMap((mark) => (mark.unit === unit && mark.path.startsWith(`${unit}.d/`) ? [mark.path.slice(unit.length + 3)] : []))
        .toSorted(),
    async markDropIns(unit, names) {
      for (const name of names) await memory.mark(`${unit}.d/${name}`, [unit]);
    },
    onForgotten(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: stop,
  };
}
