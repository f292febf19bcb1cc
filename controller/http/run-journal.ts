import type { RunEventsView } from "../../schemas/api.ts";
import type { Controller } from "../loop/controller.ts";

/** A run's journal from number `after` on; waits up to `waitMs` for something new, or until the client has gone. Read again only when it has grown. */
export async function journalAfter(
  controller: Pick<Controller, "runEvents" | "followRun">,
  id: string,
  after: number,
  waitMs: number,
  signal: AbortSignal,
): Promise<RunEventsView> {
  const growth = growthOf(controller, id, waitMs, signal);
  try {
    for (;;) {
      const journal = await controller.runEvents(id, after);
      if (journal.events.length > 0 || journal.ended || !(await growth.next())) return journal;
    }
  } finally {
    growth.end();
  }
}

/** Follows a journal from now on. `next` answers true once it has grown since the last call, false once nothing is waited for any more. */
function growthOf(
  controller: Pick<Controller, "followRun">,
  id: string,
  waitMs: number,
  signal: AbortSignal,
): { next(): Promise<boolean>; end(): void } {
  let grown = false,
    over = signal.aborted || waitMs <= 0,
    wake = (): void => undefined;
  const unfollow = controller.followRun(id, () => {
    grown = true;
    wake();
  });
  const stop = (): void => {
    over = true;
    wake();
  };
  const timer = setTimeout(stop, waitMs);
  signal.addEventListener("abort", stop);
  return {
    async next() {
      if (!grown && !over) await new Promise<void>((resolve) => (wake = resolve));
      const more = grown && !signal.aborted;
      grown = false;
      return more;
    },
    end() {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      unfollow();
    },
  };
}
