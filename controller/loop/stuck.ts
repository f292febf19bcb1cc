import type { Tell } from "./ports.ts";
import type { World } from "./world.ts";

/** Tells of instances that stay between two states for longer than the settings allow: a queued job, a package manager at work. */
export interface Stuck {
  look(ids: Iterable<string>): void;
  close(): void;
}

export function createStuck(world: World, tell: Tell): Stuck {
  const timers = new Map<string, NodeJS.Timeout>();
  const isChanging = (id: string): boolean => world.assessment(id)?.is === "changing";
  const begin = (id: string): void => {
    const ms = world.settings.drift.changingForMs;
    const timer = setTimeout(() => {
      timers.delete(id);
      if (!isChanging(id)) return;
      const text = `${id} has been between two states for ${Math.round(ms / 60_000)} minutes`;
      tell({ type: "instance.stuck", about: id, host: world.desired.instances.get(id)?.host, text });
    }, ms);
    timer.unref();
    timers.set(id, timer);
  };
  return {
    look(ids) {
      for (const id of ids) {
        const timer = timers.get(id);
        if (isChanging(id) === (timer !== undefined)) continue;
        if (timer === undefined) begin(id);
        else {
          clearTimeout(timer);
          timers.delete(id);
        }
      }
    },
    close() {
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
    },
  };
}
