import type { ActionInput, ActionName, ProbeInput, ProbeName, ProbeOutput } from "../../schemas/verbs/index.ts";
import type { probes } from "../../schemas/verbs/index.ts";
import type { Problem } from "../../schemas/problem.ts";
import type { HostEvent } from "../../schemas/report.ts";
import type { Memory } from "./memory.ts";

/** Who or what changed something, where the host can tell: `alice (sudo)`, `apt-get upgrade`. */
export interface By {
  readonly who: string;
  readonly how: string;
}

/** What a probe may use. `signal` aborts at the deadline. */
export interface ProbeContext {
  readonly memory: Memory;
  readonly signal: AbortSignal;
  /** Key for digests of files that hold secrets; undefined before the first welcome. */
  readonly sealKey: Uint8Array | undefined;
}

/** What an action may use beside that: the step it works for, and a line of progress for whoever watches. */
export interface ActionContext extends ProbeContext {
  readonly step: string;
  /** `Kind/name` that the step works for. */
  readonly resource: string;
  readonly progress: (text: string) => void;
  /** Whether this host's agent accepts the action at this path, to be asked for where a path really leads: undefined, or why not. */
  readonly accepts: (path: string) => Promise<Problem | undefined>;
}

type ProbeHandler<N extends ProbeName> = (input: ProbeInput<N>, context: ProbeContext) => Promise<ProbeOutput<N>>;
type ActionHandler<N extends ActionName> = (input: ActionInput<N>, context: ActionContext) => Promise<string | undefined>;

/** Probes that an agent can be told to keep watching. */
export type WatchableName = { [N in ProbeName]: (typeof probes)[N]["watchable"] extends true ? N : never }[ProbeName];

/**
 * Keeps an eye on some inputs of one probe and calls `dirty` when one may have changed; it never reports a value itself.
 * `set` replaces the inputs that are watched. A watcher that loses its source (D-Bus gone) calls `dirty` for all inputs once it is back.
 */
export interface Watcher<N extends ProbeName> {
  set(inputs: readonly ProbeInput<N>[]): Promise<void>;
  close(): Promise<void>;
}
export type Dirty<N extends ProbeName> = (input: ProbeInput<N>, by?: By) => void;
type WatcherFactory<N extends ProbeName> = (dirty: Dirty<N>) => Promise<Watcher<N>>;

/** What the runtime is given: handlers of the verbs that this agent has. An action returns the last lines of the program it ran, or nothing. */
export interface Verbs {
  readonly probes: { readonly [N in ProbeName]?: ProbeHandler<N> };
  readonly actions: { readonly [N in ActionName]?: ActionHandler<N> };
  readonly watchers: { readonly [N in ProbeName]?: WatcherFactory<N> };
  /** Tells what happens on the host beside its facts, until the returned function is called. */
  readonly events?: (emit: (event: HostEvent) => void) => Promise<() => void>;
}

/** The table of one sort of agent: one handler a verb, so that a missing or misspelt one does not compile. Real hosts and pretend ones each bring one. */
export interface VerbTable<P extends ProbeName, A extends ActionName> extends Verbs {
  readonly probes: Verbs["probes"] & { readonly [N in P]: ProbeHandler<N> };
  readonly actions: Verbs["actions"] & { readonly [N in A]: ActionHandler<N> };
}
