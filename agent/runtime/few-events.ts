import type { HostEvent } from "../../schemas/report.ts";
import type { Clock } from "./clock.ts";

const windowMs = 60_000;
/** Different events within a window. */
const mostKinds = 50;

/**
 * Lets the first of equal events (type and subject) through at once, and counts those that follow within a minute into one more.
 * Of a host that never stops telling, no more than fifty different ones a minute are told, and how many others there were.
 */
export function fewEvents(emit: (event: HostEvent) => void, clock: Clock): { readonly emit: (event: HostEvent) => void; stop(): void } {
  let seen = new Map<string, { last: HostEvent; more: number }>(),
    others = 0;
  let cancel: (() => void) | undefined;
  const flush = (): void => {
    cancel = undefined;
    const [told, left] = [seen, others];
    [seen, others] = [new Map(), 0];
    for (const { last, more } of told.values())
      if (more > 0) emit(bounded({ ...last, text: `${last.text} (${more} more within a minute)` }));
    if (left > 0)
      emit({ at: clock.now(), type: "many", subject: "events", text: `${left} other events within a minute are not told one by one` });
  };
  return {
    emit(event) {
      cancel ??= clock.after(windowMs, flush);
      const key = `${event.type} ${event.subject}`,
        known = seen.get(key);
      if (known !== undefined) {
        known.more += 1;
        known.last = event;
      } else if (seen.size >= mostKinds) others += 1;
      else {
        seen.set(key, { last: event, more: 0 });
        emit(bounded(event));
      }
    },
    stop() {
      cancel?.();
    },
  };
}

/** No longer than the wire takes. */
const bounded = (event: HostEvent): HostEvent => ({
  ...event,
  type: event.type.slice(0, 64),
  subject: event.subject.slice(0, 1024),
  text: event.text.slice(-4096),
});
