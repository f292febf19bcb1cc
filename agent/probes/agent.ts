import type { ProbeOutput } from "../../schemas/verbs/index.ts";
import { versionOf } from "../update/installation.ts";
import type { OwnAgent } from "../update/own-agent.ts";
import type { Dirty, Watcher } from "../runtime/verbs.ts";

/** Probe `agent`: which version runs, whether one is on trial, and which was taken back. */
export const probeAgent =
  ({ version, variant, platform, installation }: OwnAgent) =>
  async (): Promise<ProbeOutput<"agent">> => {
    const [trial, failed, previous] = await Promise.all([installation?.trial(), installation?.failed(), installation?.previous()]);
    return {
      version,
      variant,
      ...platform,
      state: trial === undefined ? "steady" : "trial",
      updatable: installation !== undefined,
      ...(previous === undefined ? {} : { previous: versionOf(previous) }),
      ...(trial === undefined ? {} : { pending: trial.version, changing: true }),
      ...(failed === undefined ? {} : { failed: { version: failed.version, sha256: failed.sha256, reason: failed.reason, at: failed.at } }),
    };
  };

/** What an agent is changes only by itself, and by a restart. */
export const watchAgent =
  ({ onChange }: Pick<OwnAgent, "onChange">) =>
  async (dirty: Dirty<"agent">): Promise<Watcher<"agent">> => {
    let on = false;
    const end = onChange(() => {
      if (on) dirty({});
    });
    return {
      async set(inputs) {
        on = inputs.length > 0;
      },
      async close() {
        end();
      },
    };
  };
