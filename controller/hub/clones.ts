import { createHash } from "node:crypto";
import type { AgentView } from "./agent-view.ts";
import type { Machine } from "./machine.ts";
import type { AgentRecord } from "./registry.ts";

const digest = (machine: Machine): string =>
  createHash("sha256")
    .update(`${machine.machineId} ${machine.hardwareId ?? ""}`)
    .digest("hex")
    .slice(0, 8);

/** The id under which a second machine with an agent's key is listed and can be dismissed. */
export const cloneId = (agent: string, machine: Machine): string => `${agent}~${digest(machine)}`;

/** The quarantined machines of an agent as agents of their own. Their host names are no names a host can have, so nothing ever selects them. */
export function cloneViews(record: AgentRecord): AgentView[] {
  if (record.revokedAt !== undefined) return [];
  return record.clones.map((clone) => ({
    id: cloneId(record.id, clone),
    host: `${record.host}~${digest(clone)}`,
    state: "quarantined",
    lastSeen: clone.seenAt,
    version: undefined,
    platform: undefined,
    verbs: [],
    bootId: undefined,
    clockOffset: 0,
    tags: [],
    labels: {},
    machineId: clone.machineId,
    hardwareId: clone.hardwareId,
    enrolledAt: record.enrolledAt,
    address: undefined,
  }));
}
