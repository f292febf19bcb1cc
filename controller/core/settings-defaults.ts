import type { Risk } from "../../schemas/plan.ts";

/** Dollars for a million tokens of a model: read, written, kept in the cache for five minutes and for an hour, read from it. `long`: prompts over so many tokens cost that many times as much. */
export interface ModelPrice {
  readonly input: number;
  readonly output: number;
  readonly cacheWrite: number;
  readonly cacheWriteHour: number;
  readonly cacheRead: number;
  readonly long?: { readonly over: number; readonly times: number } | undefined;
}

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
    readonly tokensPerDay: number;
    readonly tokensPerUser: number;
    /** By the model's id. Of a model that is not here only tokens are counted. */
    readonly prices: Readonly<Record<string, ModelPrice>>;
  };
  /** Phrase -> selector, or a unit's name. */
  readonly glossary: Readonly<Record<string, string>>;
  readonly allowPlainText: boolean;
}

const minute = 60_000,
  hour = 60 * minute,
  day = 24 * hour;

/** A price where only input and output are said: writing to the cache costs a quarter more than reading it for the first time, twice as much for an hour; reading from it a tenth. */
export const priceOf = (
  input: number,
  output: number,
  more: { readonly [K in Exclude<keyof ModelPrice, "input" | "output">]?: ModelPrice[K] | undefined } = {},
): ModelPrice => ({
  input,
  output,
  cacheWrite: more.cacheWrite ?? input * 1.25,
  cacheWriteHour: more.cacheWriteHour ?? input * 2,
  cacheRead: more.cacheRead ?? input / 10,
  ...(more.long === undefined ? {} : { long: more.long }),
});

/** List prices of October 2026. */
const listPrices: Settings["model"]["prices"] = {
  "claude-fable-5-1": priceOf(10, 50),
  "claude-opus-5-5": priceOf(4, 20, { cacheRead: 0.2 }),
  "claude-opus-5": priceOf(5, 25),
  "claude-sonnet-5-5": priceOf(2, 10, { cacheRead: 0.1 }),
  "claude-sonnet-5": priceOf(2, 10),
  "claude-haiku-5-5": priceOf(0.1, 0.5, { long: { over: 100_000, times: 5 } }),
  "claude-haiku-4-5": priceOf(1, 5),
};

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
  model: {
    name: "claude-sonnet-5-5",
    timeoutMs: minute,
    maxTokens: 8192,
    repairs: 3,
    dollarsPerDay: 10,
    dollarsPerUser: 5,
    // About what the dollars are with the model above, most of it read from the cache.
    tokensPerDay: 20_000_000,
    tokensPerUser: 10_000_000,
    prices: listPrices,
  },
  glossary: {},
  // Agents hold root: without TLS, only on loopback.
  allowPlainText: false,
};
