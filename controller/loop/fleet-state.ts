import type { AgentView } from "../hub/agent-view.ts";
import type { Releases } from "../hub/releases.ts";
import type { AgentState } from "./fleet.ts";

/** What the loop keeps of an agent as the hub sees it. */
export const fleetStateOf = (agent: AgentView, releases?: Pick<Releases, "for">): AgentState => ({
  agent: agent.id,
  host: agent.host,
  state: agent.state,
  version: agent.version ?? "",
  verbs: agent.verbs,
  clockOffset: agent.clockOffset,
  tags: agent.tags,
  labels: agent.labels,
  lastSeen: agent.lastSeen,
  // Whoever speaks for a cluster is another program.
  ...(releases === undefined || agent.verbs.includes("cluster") ? {} : { releases: releases.for(agent.platform) }),
});
