import type { AgentView } from "../hub/agent-view.ts";
import type { AgentState } from "./fleet.ts";

/** What the loop keeps of an agent as the hub sees it. */
export const fleetStateOf = (agent: AgentView): AgentState => ({
  agent: agent.id,
  host: agent.host,
  state: agent.state,
  version: agent.version ?? "",
  verbs: agent.verbs,
  clockOffset: agent.clockOffset,
  tags: agent.tags,
  labels: agent.labels,
  lastSeen: agent.lastSeen,
});
