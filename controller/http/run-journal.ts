import type { RunEventsView } from "../../schemas/api.ts";
import type { Controller } from "../loop/controller.ts";

/** How often a journal is looked at again while its run says nothing on the event ring. Milliseconds. */
const lookAgain = 250;

/** A run's journal from number `after` on; waits up to `waitMs` for something new, or until the client has gone. */
export async function journalAfter(
  controller: Pick<Controller, "runEvents" | "followEvents">,
  id: string,
  after: number,
  waitMs: number,
  signal: AbortSignal,
): Promise<RunEventsView> {
  const until = performance.now() + waitMs;
  for (;;) {
    const events = await controller.runEvents(id),
      ended = events.at(-1)?.type === "ended",
      left = until - performance.now();
    if (events.length > after || ended || left <= 0 || signal.aborted)
      return { events: events.slice(after), next: Math.max(after, events.length), ended };
    await somethingHappens(controller, id, Math.min(lookAgain, left), signal);
  }
}

function somethingHappens(controller: Pick<Controller, "followEvents">, id: string, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let unfollow = (): void => undefined;
    const over = (): void => {
      clearTimeout(timer);
      unfollow();
      signal.removeEventListener("abort", over);
      resolve();
    };
    const timer = setTimeout(over, ms);
    unfollow = controller.followEvents((events) => {
      if (events.some((event) => event.about === id)) over();
    });
    signal.addEventListener("abort", over);
  });
}
