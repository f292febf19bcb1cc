import type { Ask, Consequence, Undo } from "../../schemas/contract.ts";
import type { Difference, Expectation, Risk } from "../../schemas/plan.ts";
import type { Problem, Where } from "../../schemas/problem.ts";
import type { AgentRelease } from "../../schemas/release.ts";
import type { Resource } from "../../schemas/manifest.ts";
import type { HostFact, MetricsFact, Owned } from "../../schemas/verbs/host.ts";
import type { ClusterFact, ClusterLoad } from "../../schemas/verbs/proxmox/cluster.ts";
import type { GuestRow } from "../../schemas/verbs/proxmox/guest.ts";

/** A file of the workspace as git holds it: path, blob id and text (absent: not UTF-8, or larger than its limit). */
export interface SourceFile {
  readonly path: string;
  readonly blob: string;
  readonly size: number;
  readonly text?: string | undefined;
}

/** A checked resource with the place it came from. `digest`: of its canonical JSON, without metadata that changes nothing. */
export interface LoadedResource {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly resource: Resource;
  readonly digest: string;
  readonly file: string;
  /** Position of a field such as `spec.on` or `spec.values.port`; of the document where the field is not there. */
  readonly where: (path?: string) => Where;
}

/** A host as the planner sees it. `online: false` makes everything on it unknown. */
export interface HostView {
  readonly name: string;
  readonly online: boolean;
  readonly aliases: readonly string[];
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly address?: string | undefined;
  /** Milliseconds to add to a time of the host's clock to get the controller's. */
  readonly clockOffset: number;
  readonly facts?: HostFact | undefined;
  readonly metrics?: MetricsFact | undefined;
  readonly agent?: AgentOfHost | undefined;
  readonly owned?: readonly Owned[] | undefined;
  readonly services?: readonly string[] | undefined;
  /** Where the agent speaks for a Proxmox cluster: then it is no machine, and what is declared for hosts does not reach it. */
  readonly cluster?: ClusterView | undefined;
}

/** The agent of a host, and what the controller could bring it to. */
export interface AgentOfHost {
  readonly version: string;
  readonly verbs: readonly string[];
  /** Releases for its platform, newest first; the same array as long as they are the same. */
  readonly releases?: readonly AgentRelease[] | undefined;
  /** Releases that agents of any host took back; the same array as long as they are the same. */
  readonly takenBack?: readonly TakenBack[] | undefined;
}

/** A release that did not report in on a host. `failedAt` by that host's clock, `at` by the controller's, milliseconds since the epoch. */
export interface TakenBack {
  readonly host: string;
  readonly version: string;
  readonly sha256: string;
  readonly reason: string;
  readonly failedAt: number;
  readonly at: number;
}

/** A cluster as the planner sees it: what its agent told last. */
export interface ClusterView {
  readonly fact: ClusterFact;
  readonly load?: ClusterLoad | undefined;
  /** Guests by node. */
  readonly guests: ReadonlyMap<string, readonly GuestRow[]>;
  /** Names of the other clusters: where there are some, a guest has to say which is its own. */
  readonly others: readonly string[];
}

/** Where a guest is made, or why nowhere. */
export type Placed = { readonly node: string; readonly why: string } | { readonly reason: string; readonly hint: string };

/** A fact as stored: `digest` of the value stands for it in a plan's basis. `at` by the host's clock. */
export interface Fact {
  readonly host: string;
  readonly key: string;
  readonly at: number;
  readonly digest: string;
  readonly value?: unknown;
  readonly problem?: Problem | undefined;
  readonly by?: { readonly who: string; readonly how: string } | undefined;
}

/** Finds the fact for an ask on a host. */
export type FactLookup = (host: string, askKey: string) => Fact | undefined;

/** Text that may hold secrets: plain pieces and references, in order. */
export type Text = string | { readonly join: readonly (string | { readonly secretRef: string })[] };

/** What kinds may look at beside their spec and fact: all of it deterministic. */
export interface KindContext {
  readonly host: HostView;
  /** Text of a file of the workspace, by its path from the workspace's root. */
  readonly file: (path: string) => string | undefined;
  /** The unit that a `Service/name` of the workspace manages; undefined where there is no such resource. A plain unit name is returned as it is. */
  readonly unitOf: (reference: string) => string | undefined;
  /** Keyed digest of a text that holds secrets; undefined where a secret is missing. */
  readonly seal: (text: Text) => string | undefined;
  /** Where a guest that is not there yet will be made, all others of the manifests considered; by `Kind/name`. */
  readonly place?: ((resource: string) => Placed | undefined) | undefined;
  /** The controller's time, milliseconds since the epoch: a `restartedAt` that lies ahead asks for nothing yet. Absent: every moment has come. */
  readonly now?: number | undefined;
}

/** One action that a kind asks for, before the planner gives it an id and a place. */
export interface PlannedStep {
  readonly action: string;
  readonly input: unknown;
  readonly expect?: Expectation;
  readonly goal?: Expectation;
  readonly undo: { readonly action: string; readonly input: unknown } | null;
  readonly timeoutMs: number;
  /** Named check of schemas/verbs/file.ts that the candidate has to pass before the step is sent. */
  readonly validator?: string | undefined;
}

/** A unit that has to load something again because of a change. */
export interface Trigger {
  readonly unit: string;
  readonly how: "reload" | "restart";
}

/** A resource on one host, ready to be compared. */
export interface Instance {
  readonly id: string;
  readonly resource: LoadedResource;
  readonly host: string;
  readonly ask: Ask;
  readonly askKey: string;
}

/** What a policy may say about a set of hosts or resources; see docs/plans.md. */
export interface PolicyRule {
  readonly name: string;
  readonly hosts: (host: HostView) => boolean;
  readonly kinds?: readonly string[] | undefined;
  readonly approval?:
    | {
        readonly from: Risk;
        readonly by?: string | undefined;
        readonly notRequester?: boolean | undefined;
        readonly run?: "below" | undefined /** No change waits, whatever its risk; `from` is critical then. */;
        readonly never?: true | undefined;
      }
    | undefined;
  readonly windows?: readonly { readonly cron: string; readonly durationMs: number; readonly timezone: string }[] | undefined;
  readonly freeze?:
    | { readonly from?: number | undefined; readonly until?: number | undefined; readonly reason?: string | undefined }
    | undefined;
  readonly limits?:
    | { readonly maxDeletions?: number; readonly maxHosts?: number; readonly maxPercent?: number; readonly withinMs: number }
    | undefined;
  readonly protected?: boolean | undefined;
  readonly prune?: boolean | undefined;
  readonly drift?: { readonly mode: "alert" | "correct" | "ignore"; readonly until?: number | undefined } | undefined;
}

export type { Consequence, Difference, Problem, Undo };
