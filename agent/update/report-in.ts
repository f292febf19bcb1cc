import type { Clock } from "../runtime/clock.ts";
import type { LinkState } from "../runtime/link.ts";
import { type Log, reasonOf } from "../runtime/log.ts";
import type { Installation } from "./installation.ts";
import type { OwnAgent } from "./own-agent.ts";

/** How long a new version has to stay connected before it counts as having reported in, milliseconds. */
const steadyMs = 5000;

/**
 * Makes the version on trial current once it is connected, welcome, and stayed so for a moment; to be told each change of the connection. Does nothing
 * in an agent that is not the one on trial.
 */
export function reportIn(
  { installation, onTrial, clock, log }: Pick<OwnAgent, "installation" | "onTrial"> & { readonly clock: Clock; readonly log: Log },
  confirmed: () => void,
): (state: Pick<LinkState, "connected">) => void {
  let cancel = (): void => {};
  const confirm = async (of: Installation): Promise<void> => {
    const trial = await of.trial();
    if (trial === undefined || trial.dir !== onTrial) return;
    await of.confirm(trial);
    log("info", "the new version has reported in and stays", { version: trial.version, step: trial.step });
    confirmed();
  };
  return ({ connected }) => {
    cancel();
    if (connected && installation !== undefined && onTrial !== undefined)
      cancel = clock.after(steadyMs, () => {
        confirm(installation).catch((failure: unknown) =>
          log("error", "unable to make the new version current", { reason: reasonOf(failure) }),
        );
      });
  };
}
