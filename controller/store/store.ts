import type { AgentRegistry } from "../hub/registry.ts";
import type { AlertStore } from "./alerts.ts";
import type { AuditStore } from "./audit.ts";
import type { ConversationStore } from "./conversations.ts";
import type { DesiredStore } from "./desired.ts";
import type { EventStore } from "./events.ts";
import type { FactStore } from "./facts.ts";
import type { PlanStore } from "./plans.ts";
import type { RunStore } from "./runs.ts";
import type { SpendingStore } from "./spending.ts";
import type { ApiTokenStore } from "./tokens.ts";

/** A piece of a listing, newest first; `next` is the cursor of the following piece, absent at the end. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string | undefined;
}

/** Which piece of a listing: at most `limit` items (1 to 1 000, by default 100) after `cursor`. */
export interface PageRequest {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** What trimming keeps: so many finished plans, runs and closed alerts, the newest ones. The audit trail is never trimmed. */
export interface Retention {
  readonly plans: number;
  readonly runs: number;
  readonly alerts: number;
}

/**
 * What the controller must not forget. Every promise of a write resolves once the write survives a power cut, and rejects
 * with a ProblemError (`store/disk-full`, `store/read-only`, `store/locked`, `store/corrupt` …) with nothing half-written.
 * Times are milliseconds since the epoch where they are numbers, RFC 3339 where they are texts.
 */
export interface Store {
  readonly facts: FactStore;
  readonly agents: AgentRegistry;
  readonly plans: PlanStore;
  readonly runs: RunStore;
  readonly desired: DesiredStore;
  readonly alerts: AlertStore;
  readonly events: EventStore;
  readonly tokens: ApiTokenStore;
  readonly audit: AuditStore;
  readonly conversations: ConversationStore;
  readonly spending: SpendingStore;
  /**
   * All or nothing for several writes, such as a decision and its audit entry. `start` begins every write before it
   * returns (no await in between) and hands back their promises.
   */
  together<T extends readonly Promise<unknown>[]>(start: () => readonly [...T]): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }>;
  /** A consistent copy in a new file, while work goes on; refuses a path that exists. */
  backup(path: string): Promise<void>;
  trim(keep: Retention): Promise<void>;
  /** Finishes what was begun and lets the file go. */
  close(): Promise<void>;
}
