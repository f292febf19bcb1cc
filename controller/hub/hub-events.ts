import type { Static } from "typebox";
import type { Progress, Report, Result } from "../../schemas/protocol.ts";
import type { AgentView } from "./agent-view.ts";
import type { AgentRecord } from "./registry.ts";

export type AgentReport = Static<typeof Report>;
export type AgentResult = Static<typeof Result>;
export type AgentProgress = Static<typeof Progress>;

/** Something about agents that people want to know or the audit keeps. `at`: milliseconds since the epoch. */
export interface HubEvent {
  readonly at: number;
  readonly type:
    | "agent-enrolled"
    | "enrol-refused"
    | "agent-connected"
    | "agent-disconnected"
    | "agent-incompatible"
    | "agent-cloned"
    | "agent-contended"
    | "agent-excess"
    | "agent-revoked"
    | "agent-problem";
  readonly agent?: string | undefined;
  readonly host?: string | undefined;
  readonly text: string;
}

/** What the hub tells the rest of the controller. What resolves is stored; a rejection leaves it unacknowledged, and the agent sends it again. */
export interface HubEvents {
  /** May come again with the same number after a failure; numbers at or below the stored one never come. */
  onReport(agent: AgentView, report: AgentReport): Promise<void>;
  /** May come again for the same step. */
  onResult(agent: AgentView, result: AgentResult): Promise<void>;
  onProgress(agent: AgentView, progress: AgentProgress): void;
  /** Its state, its clock, or what it says of itself changed. */
  onAgentState(agent: AgentView): void;
  onEvent(event: HubEvent): void;
}

/** Tells an event of an agent, or of none. */
export type Tell = (type: HubEvent["type"], agent: AgentRecord | undefined, text: string) => void;
