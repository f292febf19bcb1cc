import { verify } from "node:crypto";
import { releaseText } from "../../schemas/release.ts";
import type { ActionInput } from "../../schemas/verbs/index.ts";
import { failure } from "../platform/failure.ts";
import type { ActionContext } from "../runtime/verbs.ts";
import type { OwnAgent } from "../update/own-agent.ts";
import { stageRelease } from "../update/stage-release.ts";

/** How often a new version is started before it is taken back. */
const starts = 3;

/**
 * Action `agent.update`: puts a release beside the version that runs, has the start script try it, and ends. It is the new version that finds the step
 * done; where that one was taken back, the old version is asked again, and tells why.
 */
export const updateAgent =
  (own: OwnAgent) =>
  async (input: ActionInput<"agent.update">, context: ActionContext): Promise<undefined> => {
    const { installation } = own,
      { withinSeconds, ...release } = input;
    if (installation === undefined)
      throw failure("agent/not-updatable", `Unable to update the agent to ${release.version}: it was not started by ai-agent/start`, {
        hint: "run the install command once more on this host",
      });
    if (!verify(null, Buffer.from(releaseText(release)), own.key, Buffer.from(release.signature, "base64")))
      throw failure("agent/release-signature", `Unable to use agent ${release.version}: its signature is not the controller's`);
    if (release.name !== own.variant)
      throw failure(
        "agent/other-variant",
        `Unable to use agent ${release.version}: ${release.name} was ordered, and this is ${own.variant}`,
      );
    const failed = await installation.failed();
    if (failed?.step === context.step)
      throw failure("agent/update-failed", `Unable to update the agent to ${failed.version}: ${failed.reason}; ${own.version} is back`);
    const dir = await stageRelease(release, { installation, fetch: own.fetch, signal: context.signal, progress: context.progress });
    context.signal.throwIfAborted();
    await installation.begin({ dir, version: release.version, sha256: release.sha256, step: context.step, withinSeconds, left: starts });
    context.progress(`starting agent ${release.version}`);
    own.restart();
    return new Promise((_, reject) => {
      const late = (): void =>
        reject(failure("agent/not-restarted", "Unable to update the agent: it was not restarted in time", { retry: "later" }));
      if (context.signal.aborted) late();
      context.signal.addEventListener("abort", late, { once: true });
    });
  };
