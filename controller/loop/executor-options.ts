import type { Change, Plan } from "../../schemas/plan.ts";
import type { RunEvent } from "../../schemas/run.ts";
import type { Run } from "../core/run.ts";
import type { RunStore } from "../store/runs.ts";
import type { Agents, Log, Unseal } from "./ports.ts";

export interface ExecuteLimits {
  readonly perHost: number;
  readonly overall: number;
  /** How long a step waits for a host that is not connected, in milliseconds. */
  readonly hostPatienceMs: number;
  /** How long a step that was sent may stay unanswered beyond its own time, in milliseconds; a minute where not given. */
  readonly answerGraceMs?: number | undefined;
}

/** What carrying runs out needs of its surroundings. */
export interface ExecutorOptions {
  readonly store: RunStore;
  readonly agents: Agents;
  /** Opens the secrets of the commit that a plan was made for; asked once, when its run begins or goes on. */
  readonly unsealFor: (plan: Plan) => Unseal;
  readonly limits: ExecuteLimits;
  readonly unavailable: (resource: string, except: ReadonlySet<string>) => number;
  /** Whether a host stands for a cluster: what is done there is done by its nodes, so more of it at once. */
  readonly isCluster: (host: string) => boolean;
  /** Why a change may not begin now: a freeze, or outside of its window. */
  readonly closed: (change: Change) => string | undefined;
  /** Whether the unit of an instance is known not to run. */
  readonly isDown: (instance: string) => boolean;
  readonly onProgress: (run: Run, event: RunEvent) => void;
  /** Called when a run is over, before its end is journaled: again where that fails. */
  readonly beforeEnd: (run: Run) => Promise<void>;
  /** Called once a run is over and its end is in the journal. */
  readonly onEnd: (run: Run) => void;
  readonly log: Log;
  readonly now: () => number;
}
