import { error, ProblemError } from "../../schemas/problem.ts";
import type { Hub } from "../hub/hub.ts";
import type { Agents } from "./ports.ts";

/** A step has to be answered within its own time and this much more, in milliseconds; after that the agent refuses to begin it. */
const deadlineSlackMs = 300_000;

/** The hub as the loop uses it: by host name, not by agent id. */
export function agentsOf(hub: Hub, controller: string, now: () => number): Agents {
  const agentOf = (host: string): string => {
    const agent = hub.agentOf(host);
    if (agent === undefined)
      throw new ProblemError(error("agent/offline", `${host} has no agent.`, { retry: "later", hint: "See: backend-ai enrol" }));
    return agent.id;
  };
  return {
    isOnline: (host) => ["online", "late"].includes(hub.agentOf(host)?.state ?? ""),
    async sendStep(host, { id, action, input, expect, goal, undo, timeoutMs }) {
      await hub.sendStep({
        controller,
        host,
        agent: agentOf(host),
        step: id,
        deadline: now() + timeoutMs + deadlineSlackMs,
        timeoutMs,
        action,
        input,
        undo,
        ...(expect === undefined ? {} : { expect }),
        ...(goal === undefined ? {} : { goal }),
      });
    },
    setWatch(host, asks) {
      const agent = hub.agentOf(host);
      if (agent !== undefined) hub.setWatch(agent.id, asks);
    },
    query: async (host, ask, timeoutMs, signal) => hub.query(agentOf(host), ask, timeoutMs, signal),
  };
}
