import type { AgentProfile, AgentRecord } from "./registry.ts";
import type { Session } from "./session.ts";

/**
 * online: heard of lately; late: connected, and silent for longer than a ping should take; offline: no connection;
 * incompatible: connected, of another protocol version, not used; quarantined: a second machine that showed an agent's key;
 * revoked: never again.
 */
export type AgentState = "online" | "late" | "offline" | "incompatible" | "quarantined" | "revoked";

/** An agent as the rest of the controller sees it. Times are milliseconds since the epoch. */
export interface AgentView {
  /** Of a quarantined machine: the agent's id and a digest of the machine, `agent-…~1f2e3d4c`. */
  readonly id: string;
  readonly host: string;
  readonly state: AgentState;
  readonly lastSeen: number | undefined;
  readonly version: string | undefined;
  readonly platform: AgentProfile["platform"] | undefined;
  readonly verbs: readonly string[];
  readonly bootId: string | undefined;
  /** Milliseconds to add to a time of the host's clock to get the controller's; 0 where it was never measured. */
  readonly clockOffset: number;
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly machineId: string;
  readonly hardwareId: string | undefined;
  readonly enrolledAt: number;
  readonly address: string | undefined;
}

const none: readonly string[] = [];

/** The view of a record with its connection, if it has one. */
export function viewOf(record: AgentRecord, session: Session | undefined, now: number): AgentView {
  const state = stateOf(record, session),
    { profile } = record;
  return {
    id: record.id,
    host: record.host,
    state,
    lastSeen: state === "online" ? now : record.lastSeen,
    version: profile?.version,
    platform: profile?.platform,
    verbs: profile?.verbs ?? none,
    bootId: profile?.bootId,
    clockOffset: session?.offset.value ?? record.clockOffset ?? 0,
    tags: record.tags,
    labels: record.labels,
    machineId: record.machineId,
    hardwareId: record.hardwareId,
    enrolledAt: record.enrolledAt,
    address: session?.address,
  };
}

function stateOf(record: AgentRecord, session: Session | undefined): AgentState {
  if (record.revokedAt !== undefined) return "revoked";
  if (session === undefined || session.phase === "closed") return "offline";
  if (session.phase === "incompatible") return "incompatible";
  return session.late ? "late" : "online";
}
