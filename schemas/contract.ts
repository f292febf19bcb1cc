import type { Static, TSchema } from "typebox";

/** What happens to what runs on the host when a change is carried out, mildest first. */
export const consequences = ["none", "reload", "restart", "reboot", "recreate", "data-loss"] as const;
export type Consequence = (typeof consequences)[number];

/** The graver of two consequences. */
export const graver = (a: Consequence, b: Consequence): Consequence => (consequences.indexOf(a) >= consequences.indexOf(b) ? a : b);

/** How a step can be taken back. Risk starts here, never in a prompt. */
export type Undo = "trivial" | "possible" | "impossible";

/** One question that an agent answers without changing anything. */
export interface Probe<Name extends string = string, In extends TSchema = TSchema, Out extends TSchema = TSchema> {
  readonly name: Name;
  readonly input: In;
  readonly output: Out;
  /** Whether an agent can be told to keep watching it; the others are queries only. */
  readonly watchable: boolean;
}

/** One thing that an agent can do: there is no other way to change a host. */
export interface Action<Name extends string = string, In extends TSchema = TSchema> {
  readonly name: Name;
  readonly input: In;
  readonly undo: Undo;
  readonly consequence: Consequence;
  /** Whether doing it a second time leaves the host as the first time did. */
  readonly idempotent: boolean;
}

/** A probe with its input: what to look at. */
export interface Ask {
  readonly probe: string;
  readonly input: unknown;
}

/** An action with its input: what to do. */
export interface Act {
  readonly action: string;
  readonly input: unknown;
}

export const defineProbe = <N extends string, I extends TSchema, O extends TSchema>(probe: Probe<N, I, O>): Probe<N, I, O> => probe;
export const defineAction = <N extends string, I extends TSchema>(action: Action<N, I>): Action<N, I> => action;

export const ask = <I extends TSchema>(probe: Probe<string, I>, input: Static<I>): Ask => ({ probe: probe.name, input });
export const act = <I extends TSchema>(action: Action<string, I>, input: Static<I>): Act => ({ action: action.name, input });
