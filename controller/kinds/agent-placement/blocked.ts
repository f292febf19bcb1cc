import type { AgentFact } from "../../../schemas/verbs/agent.ts";
import type { KindContext, TakenBack } from "../../core/model.ts";
import type { AgentPlacementSpec } from "./spec.ts";
import { offered, releaseOf, wantedVersion } from "./wanted.ts";

/** Why the agent cannot become what is wanted as things are. */
export function blockedPlacement(
  spec: AgentPlacementSpec,
  fact: AgentFact,
  context: KindContext,
): { readonly reason: string; readonly hint: string } | undefined {
  if (spec.state === "absent")
    return {
      reason: "an agent cannot remove itself by a manifest yet",
      hint: `On the host: sh /usr/local/lib/ai-agent/install-agent.sh --uninstall; then: backend-ai agent revoke ${context.host.name}`,
    };
  const version = wantedVersion(spec, fact, context),
    release = releaseOf(version, fact, context);
  if (release === undefined)
    return {
      reason: `the controller has no agent ${version} for ${fact.variant}; it has ${
        offered(fact, context)
          .map((one) => one.version)
          .join(", ") || "none"
      }`,
      hint: "npm run build:agent on the controller's machine builds it; a folder of dist/releases holds versions beside the newest.",
    };
  if (!fact.updatable || context.host.agent?.verbs.includes("agent.update") === false)
    return {
      reason: fact.updatable
        ? "this host's agent does not accept agent.update"
        : `agent ${fact.version} was installed in a way that it cannot replace by itself`,
      hint: fact.updatable
        ? "ALLOW_VERBS in its agent.env leaves it out."
        : "Run the install command once more on the host; it keeps settings and identity.",
    };
  const failed = takenBack(fact, context).find((one) => one.sha256 === release.sha256 && !retried(spec, one.at));
  if (failed === undefined) return undefined;
  return {
    reason: `agent ${version} was tried on ${failed.host} and taken back: ${failed.reason}`,
    hint: "Offer another version, or set retriedAt to a time after that to try this one again.",
  };
}

/** Whether somebody asked for another try since the failure. */
const retried = ({ retriedAt }: AgentPlacementSpec, failedAt: number): boolean =>
  retriedAt !== undefined && Date.parse(retriedAt) > failedAt;

type Failed = Pick<TakenBack, "host" | "sha256" | "reason" | "at">;

/** What this agent took back, and what any other did: a release that failed on one host reaches no further one. */
const takenBack = ({ failed }: AgentFact, { host }: KindContext): readonly Failed[] => [
  ...(failed === undefined ? [] : [{ ...failed, host: host.name, at: failed.at + host.clockOffset }]),
  ...(host.agent?.takenBack ?? []),
];
