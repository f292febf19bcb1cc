import { maxMessage } from "../../schemas/protocol.ts";

/** What bounds a connection; milliseconds, and bytes where it says so. */
export interface SessionLimits {
  /** Until the hello has to be there. */
  readonly helloMs: number;
  readonly pingMs: number;
  /** A ping unanswered for so long makes the agent late, then offline. */
  readonly lateMs: number;
  readonly deadMs: number;
  /** How long before its end an identity is renewed, and how long a renewal lasts. */
  readonly renewBeforeMs: number;
  readonly identityMs: number;
  /** Messages a second (one of 4 KiB counts as two), and how many may come at once: after an outage an agent empties its spool. */
  readonly rate: number;
  readonly burst: number;
  /** Reports and results that wait to be stored before the agent is held back, and how many characters they may have. */
  readonly inbox: number;
  readonly inboxText: number;
  /** Bytes that may wait to be sent before the agent is given up as too slow. */
  readonly maxBuffered: number;
  /** Broken messages within a minute before the connection is closed. */
  readonly violations: number;
  /** Problems that an agent may tell in a minute; what is more is not passed on, or one host could fill the ring of events. */
  readonly problems: number;
  readonly queries: number;
}

/** What they are where nobody says otherwise. */
export const sessionLimits: SessionLimits = {
  helloMs: 15_000,
  pingMs: 15_000,
  lateMs: 5_000,
  deadMs: 20_000,
  renewBeforeMs: 5 * 60_000,
  identityMs: 15 * 60_000,
  rate: 500,
  burst: 5_000,
  inbox: 256,
  inboxText: 4 * maxMessage,
  maxBuffered: 2 * maxMessage,
  violations: 10,
  problems: 30,
  queries: 64,
};
