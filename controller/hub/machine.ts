import type { AgentRecord } from "./registry.ts";

/** What tells machines apart: `/etc/machine-id`, and the DMI product UUID or the guest's id where the machine has one. */
export interface Machine {
  readonly machineId: string;
  readonly hardwareId?: string | undefined;
}

/** Whether a machine is the one that enrolled. A hardware id that either side lacks says nothing. */
export function sameMachine(agent: Machine, machine: Machine): boolean {
  if (agent.machineId !== machine.machineId) return false;
  return agent.hardwareId === undefined || machine.hardwareId === undefined || agent.hardwareId === machine.hardwareId;
}

/** The machines that showed an agent's key and are not its own, this one among them; at most the last 8. */
export function withClone(agent: AgentRecord, machine: Machine, now: number): AgentRecord["clones"] {
  const clone = {
    machineId: machine.machineId,
    ...(machine.hardwareId === undefined ? {} : { hardwareId: machine.hardwareId }),
    seenAt: now,
  };
  const others = agent.clones.filter((one) => one.machineId !== machine.machineId || one.hardwareId !== machine.hardwareId);
  return [...others, clone].slice(-8);
}
