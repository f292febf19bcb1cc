import type { Risk } from "../../schemas/plan.ts";

/** Settings as the controller uses them: durations in milliseconds; an optional field that is undefined is switched off. */
export interface Settings {
  readonly git: {
    readonly branch: string;
    readonly remote?: string | undefined;
    readonly pullMs?: number | undefined;
    readonly push: boolean;
    readonly allowedSigners?: string | undefined;
  };
  readonly approval: { readonly from: Risk; readonly notRequester: boolean; readonly expiresMs: number };
  readonly drift: { readonly mode: "alert" | "correct" | "ignore"; readonly correctionsPerHour: number; readonly changingForMs: number };
  readonly limits: { readonly stepsPerHost: number; readonly steps: number; readonly runs: number };
  readonly hub: {
    readonly names: readonly string[];
    readonly allowedAgents: readonly string[];
    readonly tokenExpiresMs: number;
    readonly lateAfterMs: number;
    readonly offlineAfterMs: number;
  };
  readonly http: { readonly hosts: readonly string[] };
  readonly retention: {
    readonly undecidedMs: number;
    readonly plans: number;
    readonly runs: number;
    readonly alerts: number;
    readonly events: number;
  };
  readonly model: {
    readonly name: string;
    readonly timeoutMs: number;
    readonly maxTokens: number;
    readonly repairs: number;
    readonly dollarsPerDay: number;
    readonly dollarsPerUser: number;
  };
  /** Phrase -> selector, or a unit's name. */
  readonly glossary: Readonly<Record<string, string>>;
  readonly allowPlainText: boolean;
}

const minute = 60_000,
  hour = 60 * minute,
  day = 24 * hour;

/** What holds where `backend-ai.yaml` says nothing: the one place for it. */
export const defaultSettings: Settings = {
  // Our own commits stay here until somebody names a remote and wants them pushed.
  git: { branch: "main", push: false },
  // Nothing and reloads on one host run by themselves; a restart is looked at first.
  approval: { from: "medium", notRequester: false, expiresMs: 7 * day },
  // Nothing is put back that nobody asked to be put back; ten minutes outlast a reboot and most upgrades.
  drift: { mode: "alert", correctionsPerHour: 3, changingForMs: 10 * minute },
  // One step at a time keeps a host's journal readable; 100 hosts at a time keep a small controller responsive.
  limits: { stepsPerHost: 1, steps: 100, runs: 8 },
  // Agents answer a ping every 15 s: one missed is late, three are offline.
  hub: { names: [], allowedAgents: [], tokenExpiresMs: hour, lateAfterMs: 30_000, offlineAfterMs: 60_000 },
  http: { hosts: [] },
  retention: { undecidedMs: 7 * day, plans: 1000, runs: 1000, alerts: 5000, events: 10_000 },
  // The SDK alone would wait ten minutes for an answer.
  model: { name: "claude-sonnet-5-5", timeoutMs: minute, maxTokens: 8192, repairs: 3, dollarsPerDay: 10, dollarsPerUser: 5 },
  glossary: {},
  // Agents hold root: without TLS, only on loopback.
  allowPlainText: false,
};
