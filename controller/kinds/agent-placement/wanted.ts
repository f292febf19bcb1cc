import { type AgentRelease, compareVersions } from "../../../schemas/release.ts";
import type { AgentFact } from "../../../schemas/verbs/agent.ts";
import type { KindContext } from "../../core/model.ts";
import type { AgentPlacementSpec } from "./spec.ts";

/** Releases that this very agent can become, newest first. */
export const offered = ({ variant }: Pick<AgentFact, "variant">, { host }: KindContext): readonly AgentRelease[] =>
  (host.agent?.releases ?? []).filter(({ name }) => name === variant);

/** The version that the agent should be; undefined where the one it is will do. `latest` never goes back to an older one. */
export function wantedVersion({ version }: AgentPlacementSpec, fact: AgentFact, context: KindContext): string | undefined {
  if (version !== "latest") return version === fact.version ? undefined : version;
  const newest = offered(fact, context)[0]?.version;
  return newest !== undefined && compareVersions(newest, fact.version) > 0 ? newest : undefined;
}

/** The release of a version for this agent, where the controller has it. */
export const releaseOf = (version: string | undefined, fact: AgentFact, context: KindContext): AgentRelease | undefined =>
  offered(fact, context).find((release) => release.version === version);
