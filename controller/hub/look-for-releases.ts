import type { Log } from "./log.ts";
import type { Releases } from "./releases.ts";

/** How often the folders with releases are looked at, milliseconds. */
const everyMs = 10_000;

/** Looks for releases that came or went, one look after the other; `changed` is called after each look that found any. */
export function lookForReleases(releases: Releases, log: Log, changed: () => void): { close(): void } {
  let timer: NodeJS.Timeout;
  const later = (): void => {
    timer = setTimeout(() => {
      releases
        .refresh()
        .then((other) => {
          if (other) changed();
        })
        .catch((cause: unknown) => log.error({ err: cause }, "unable to look for releases of the agent"))
        .finally(() => {
          if (!closed) later();
        });
    }, everyMs);
    timer.unref();
  };
  let closed = false;
  later();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
