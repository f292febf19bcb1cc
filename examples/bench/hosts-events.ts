import type { EventView } from "../../schemas/api.ts";
import type { Arrived } from "../hosts/follow-events.ts";
import type { Stage } from "../hosts/stage.ts";

const patienceMs = 20_000;

/** Events of the controller as they come, awaited one at a time. */
export interface Events {
  /** The next event for which this holds; rejects after 20 s. Ask before what causes it. */
  next(wanted: (event: EventView) => boolean): Promise<Arrived>;
  close(): void;
}

export async function expectEvents(stage: Stage): Promise<Events> {
  const waiting = new Set<{ wanted: (event: EventView) => boolean; come: (arrived: Arrived) => void }>();
  const close = await stage.followEvents((arrived) => {
    for (const one of waiting)
      if (one.wanted(arrived.event)) {
        waiting.delete(one);
        one.come(arrived);
      }
  });
  return {
    next: (wanted) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(one);
          reject(new Error(`an event did not come within ${patienceMs} ms: ${wanted}`));
        }, patienceMs);
        const one = { wanted, come: (arrived: Arrived) => (clearTimeout(timer), resolve(arrived)) };
        waiting.add(one);
      }),
    close,
  };
}
