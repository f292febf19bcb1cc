import { error, type Problem } from "../../schemas/problem.ts";
import type { HubClock } from "./clock.ts";
import { cloneId } from "./clones.ts";
import type { AgentDirectory } from "./directory.ts";
import type { Tell } from "./hub-events.ts";
import type { Log } from "./log.ts";
import { type Machine, withClone } from "./machine.ts";
import type { AgentRecord } from "./registry.ts";

export interface QuarantineParts {
  readonly directory: AgentDirectory;
  readonly clock: HubClock;
  readonly log: Log;
  readonly tell: Tell;
}

/** Notes a machine that showed the key of an agent which is another machine, and tells of it the first time; answers why it gets no connection. */
export async function quarantine(agent: AgentRecord, machine: Machine, { directory, clock, log, tell }: QuarantineParts): Promise<Problem> {
  const id = cloneId(agent.id, machine);
  const isNew = !agent.clones.some((clone) => cloneId(agent.id, clone) === id);
  if (isNew) {
    await directory.change(agent.id, { clones: withClone(agent, machine, clock.now()) });
    log.warn({ agent: agent.id, host: agent.host, clone: id }, "another machine showed this agent's key");
    tell(
      "agent-cloned",
      agent,
      `Another machine (machine-id ${machine.machineId}) showed the key of ${agent.host}. It was quarantined as ${id}.`,
    );
  } else directory.note(agent.id, { clones: withClone(agent, machine, clock.now()) });
  return notThisMachine(agent);
}

/** Why a machine gets no connection whose key belongs to another. */
export const notThisMachine = (agent: AgentRecord): Problem =>
  error("identity/quarantined", `Unable to accept this machine: its key belongs to ${agent.host}, which is another machine`, {
    hint: `If this is a clone: \`sh /usr/local/lib/ai-agent/install-agent.sh --uninstall\` on it and install with a new join token. If it is ${agent.host} with a new machine-id or new hardware: \`backend-ai enrol --host ${agent.host} --replace\`.`,
  });
