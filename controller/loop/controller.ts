import type {
  DecisionView,
  DriftView,
  EnrolTokenRequest,
  EnrolTokenView,
  EventView,
  FileEdit,
  HostSummary,
  ImportRequest,
  ImportView,
  InstanceView,
  PlanRequest,
  PreviewView,
  ResourceView,
  Role,
  RunEventsView,
  StatusView,
  UndoView,
} from "../../schemas/api.ts";
import type { Plan } from "../../schemas/plan.ts";
import type { Problem } from "../../schemas/problem.ts";
import type { RunView } from "../../schemas/run.ts";
import type { AuditEntry, AuditVerdict } from "../store/audit.ts";
import type { PlanRecord, PlanSummary } from "../store/plans.ts";
import type { RunSummary } from "../store/runs.ts";
import type { Page, PageRequest } from "../store/store.ts";
import type { ApiToken } from "../store/tokens.ts";

/** Who asks: by an API token, the local socket of the owner, or a policy. */
export interface Caller {
  readonly name: string;
  readonly role: Role;
  /** Id of the API token; absent for who has none. */
  readonly token?: string | undefined;
}

/** What a commit of ours says of itself in its trailers. */
export interface CommitNote {
  readonly message: string;
  readonly request?: string | undefined;
  readonly source: "claude" | "offline" | "ui" | "cli";
  /** Untrusted sources, such as logs of a host, that were read before it was asked for: what it changes is high risk and waits for a person. */
  readonly tainted?: readonly string[] | undefined;
}

/**
 * Everything that people and programs can do with a running controller; the HTTP API is a thin cover of it, the command line and the page use
 * the API. Expected failures reject with a ProblemError whose first problem's code says what: `not-found/…`, `conflict/…`, `forbidden/…`, `invalid/…`.
 */
export interface Controller {
  status(): StatusView;
  /** Files of the workspace that are not committed, and so not in force. */
  uncommitted(): Promise<readonly string[]>;
  ready(): boolean;
  resources(kind?: string): readonly ResourceView[];
  resource(id: string): ResourceView;
  instance(id: string): InstanceView;
  /** Hosts of a query selector (changing terms allowed); all without one. */
  hosts(selector?: string): { readonly hosts: readonly HostSummary[]; readonly unknown: readonly string[] };
  host(name: string): HostSummary;
  revokeAgent(host: string, by: Caller): Promise<void>;
  drift(page: PageRequest & { open?: boolean }): Promise<Page<DriftView>>;

  /** A fresh plan of all that differs, drift included, kept under its digest. It waits for a decision: nothing runs. */
  plan(request: PlanRequest): Promise<Plan>;
  /** The same planner on the workspace as the edits would make it; nothing is kept, committed or run. `reveal`: also texts of files that no manifest in force shows and not everybody may read. `tainted`: untrusted text had a say in the edits. */
  preview(edits: readonly FileEdit[], on?: string, reveal?: boolean, tainted?: boolean): Promise<PreviewView>;
  plans(page: PageRequest): Promise<Page<PlanSummary>>;
  planOf(digest: string): Promise<PlanRecord>;
  /** Says yes to a digest and starts its run, at once or when windows open. A plan saved elsewhere may come along: steps whose basis moved refuse by themselves. */
  approve(digest: string, by: Caller, reason?: string, saved?: Plan): Promise<DecisionView>;
  reject(digest: string, by: Caller, reason?: string): Promise<DecisionView>;
  runs(page: PageRequest): Promise<Page<RunSummary>>;
  run(id: string): Promise<RunView>;
  /** A run's journal from number `after` on. */
  runEvents(id: string, after?: number): Promise<RunEventsView>;
  /** Calls back whenever the journal of a run is longer; answers with what ends that. */
  followRun(id: string, listener: () => void): () => void;
  cancelRun(id: string, by: Caller): Promise<void>;
  /** Manifest edits that bring back what was before a run (the last one without an id), with their plan. */
  undo(run: string | undefined): Promise<UndoView>;

  commit(
    edits: readonly FileEdit[],
    note: CommitNote,
    by: Caller,
  ): Promise<{ readonly commit: string; readonly warnings: readonly Problem[] }>;
  /** Text of a file of the workspace at the commit in force. */
  fileText(path: string): Promise<string | undefined>;
  importFrom(request: ImportRequest): Promise<ImportView>;
  query(host: string, probe: string, input: unknown, timeoutMs?: number): Promise<unknown>;

  events(after: number, limit?: number): Promise<{ readonly events: readonly EventView[]; readonly gap: boolean; readonly last: number }>;
  latestEvents(count: number): Promise<{ readonly events: readonly EventView[]; readonly last: number }>;
  followEvents(listener: (events: readonly EventView[]) => void): () => void;
  audit(page: PageRequest): Promise<Page<AuditEntry>>;
  verifyAudit(): Promise<AuditVerdict>;
  /** Notes who asked for what in the audit chain. */
  note(who: string, what: string, about: string, detail?: unknown): Promise<void>;

  enrolToken(request: EnrolTokenRequest, by: Caller): Promise<EnrolTokenView>;
  apiTokens(): Promise<readonly Omit<ApiToken, "secretHash">[]>;
  createApiToken(
    name: string,
    role: Role,
    expiresAt: number | undefined,
    by: Caller,
  ): Promise<{ readonly id: string; readonly secret: string }>;
  revokeApiToken(id: string, by: Caller): Promise<void>;
  /** The caller behind a token's secret; undefined for an unknown, expired or revoked one. Compared in constant time. */
  callerOf(secret: string): Promise<Caller | undefined>;
}
