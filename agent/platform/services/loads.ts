import type { Memory } from "../../runtime/memory.ts";
import type { ServicePlatform, ServiceReading } from "./platform.ts";

/** Notices when units load their files, whoever made them, and forgets the marks of what they have loaded by then. */
export interface Loads {
  /** A unit as it was read just now. */
  seen(reading: ServiceReading): Promise<void>;
  /** The unit was started or reloaded by us after `at`. */
  loaded(unit: string, at: number): Promise<void>;
  /** Tells the paths whose marks were forgotten. */
  onForgotten(listener: (paths: readonly string[]) => void): () => void;
  close(): void;
}

/** Watches all units that files are marked for. Reads every one of them at the start: much may have happened while the agent was away. */
export async function watchLoads(services: ServicePlatform, memory: Memory): Promise<Loads> {
  const listeners = new Set<(paths: readonly string[]) => void>();
  const ids = new Map<string, string>();
  const loaded = async (unit: string, at: number): Promise<void> => {
    const paths = await memory.unmark(unit, at);
    if (paths.length > 0) for (const listener of listeners) listener(paths);
  };
  const seen = async ({ fact, id, loadedAt }: ServiceReading): Promise<void> => {
    ids.set(fact.unit, id);
    if (loadedAt === undefined || !memory.marks().some((mark) => mark.unit === fact.unit)) return;
    // What was changed within the same millisecond may have come after: it stays marked.
    await loaded(fact.unit, loadedAt - 1);
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
    loaded,
    onForgotten(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: stop,
  };
}
