import type { Clock } from "../../runtime/clock.ts";
import type { Signal } from "./bus.ts";
import { unitOfPath } from "./names.ts";

/** A unit that is still there after so long was not only looked at. */
const stayMs = 100;
/** What goes within this time, with nothing else told of it, only came because somebody looked; a busy systemd takes a while to let go. */
const briefMs = 10_000;
const most = 1000;

interface Come {
  readonly at: number;
  /** Takes the waiting back; absent once it was told. */
  cancel?: (() => void) | undefined;
}

/**
 * Turns systemd's signals into names of units that may have changed; undefined: any may have. Answers what ends it.
 *
 * systemd loads a unit that nothing needs when somebody asks about it, and lets go of it at once; it tells of both (UnitNew,
 * UnitRemoved). Our own reading does that as well: taken for a change, a stopped service would be read over and over again.
 * So a unit that came has to stay, or to get a job, before it is told, and one that comes and goes with nothing in between has not changed.
 */
export function unitChanges(
  changed: (id: string | undefined) => void,
  clock: Clock,
): { readonly signal: (signal: Signal) => void; stop(): void } {
  const come = new Map<string, Come>();
  const forget = (unit: string): Come | undefined => {
    const one = come.get(unit);
    one?.cancel?.();
    come.delete(unit);
    return one;
  };
  const isNew = (unit: string): void => {
    forget(unit);
    const [oldest] = come.keys();
    if (come.size >= most && oldest !== undefined && forget(oldest)?.cancel !== undefined) changed(oldest);
    const one: Come = { at: clock.now() };
    one.cancel = clock.after(stayMs, () => {
      one.cancel = undefined;
      changed(unit);
    });
    come.set(unit, one);
  };
  const isGone = (unit: string): void => {
    const one = forget(unit);
    if (one === undefined || clock.now() - one.at > briefMs) changed(unit);
  };
  return {
    signal({ member, path, body }) {
      if (member === "UnitNew") isNew(String(body[0]));
      else if (member === "UnitRemoved") isGone(String(body[0]));
      else if (member === "JobNew" || member === "JobRemoved") {
        forget(String(body[2]));
        changed(String(body[2]));
      } else if (member === "PropertiesChanged") {
        const unit = unitOfPath(path);
        // While it is being loaded its properties fill: it is told once it stays.
        if (unit === undefined || come.get(unit)?.cancel !== undefined) return;
        forget(unit);
        changed(unit);
      } else if (member === "UnitFilesChanged" || (member === "Reloading" && body[0] === false)) changed(undefined);
    },
    stop() {
      for (const unit of come.keys()) forget(unit);
    },
  };
}
