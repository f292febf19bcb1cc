import type { Static } from "typebox";
import type {
  ApprovalRequest,
  AskRequest,
  BackupView,
  CallerView,
  CommandView,
  CommitView,
  DecisionView,
  DriftView,
  EnrolTokenRequest,
  EnrolTokenView,
  EventView,
  FileEdit,
  FileView,
  HostSummary,
  ImportRequest,
  ImportView,
  InstanceView,
  NewTokenView,
  PlanRequest,
  PlanState,
  PreviewView,
  QueryView,
  ResourceView,
  Role,
  RunEventsView,
  StatusView,
  TokenView,
  UndoView,
} from "../../schemas/api.ts";
import type { Plan } from "../../schemas/plan.ts";
import { ProblemError } from "../../schemas/problem.ts";
import type { RunView } from "../../schemas/run.ts";
import { followStream } from "./event-source.ts";
import type { Http, Query } from "./http.ts";

type PlanState_ = Static<typeof PlanState>;
type Page<T> = { readonly items: T[]; readonly next?: string };
export type PlanRecordView = PlanState_ & { readonly plan: Plan };
export type PlanListed = PlanState_;
export interface RunListed {
  readonly id: string;
  readonly digest: string;
  readonly state: string;
  readonly by: string;
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly events: number;
}
export interface AuditListed {
  readonly n: number;
  readonly at: string;
  readonly who: string;
  readonly what: string;
  readonly about: string;
  readonly detail?: unknown;
}
export interface AuditVerdictView {
  readonly ok: boolean;
  readonly entries: number;
  readonly head: { readonly n: number; readonly hash: string };
  readonly findings: { readonly n: number; readonly fault: string; readonly problem: { readonly summary: string } }[];
}

/** The controller's API, typed by its contracts. */
export type Client = ReturnType<typeof createClient>;

const id = encodeURIComponent;

export function createClient(http: Http) {
  const some = async <T>(path: string, query: Query, most: number): Promise<T[]> => {
    const items: T[] = [];
    for (let cursor: string | undefined; ; ) {
      const page: Page<T> = await http.get<Page<T>>(path, { ...query, limit: Math.min(1000, most - items.length), cursor });
      items.push(...page.items);
      cursor = page.next;
      if (cursor === undefined || items.length >= most) return items;
    }
  };
  const everything = Number.MAX_SAFE_INTEGER;
  return {
    server: http.server,
    close: http.close,
    me: () => http.get<CallerView>("/api/v1/me"),
    status: () => http.get<StatusView>("/api/v1/status"),
    resources: (kind?: string) => some<ResourceView>("/api/v1/manifests", { kind }, everything),
    resource: (resource: string) => http.get<ResourceView>(`/api/v1/manifests/${resource.split("/").map(id).join("/")}`),
    instance: (instance: string) => http.get<InstanceView>(`/api/v1/instances/${id(instance)}`),
    hosts: (on?: string) => some<HostSummary>("/api/v1/hosts", { on }, everything),
    host: (name: string) => http.get<HostSummary>(`/api/v1/hosts/${id(name)}`),
    revokeAgent: (host: string) => http.delete(`/api/v1/agents/${id(host)}`),
    drift: (open: boolean, most: number) => some<DriftView>("/api/v1/drift", { open }, most),
    /** Text of a file at the commit in force; undefined where there is none. */
    fileText: (path: string) => http.get<Static<typeof FileView>>("/api/v1/files", { path }).then(({ text }) => text, unless("not-found/")),

    plan: (request: PlanRequest) => http.post<Plan>("/api/v1/plans", request),
    preview: (edits: readonly FileEdit[], on?: string) => http.post<PreviewView>("/api/v1/previews", { edits, on }),
    plans: (most: number) => some<PlanListed>("/api/v1/plans", {}, most),
    planOf: (digest: string) => http.get<PlanRecordView>(`/api/v1/plans/${id(digest)}`),
    approve: (digest: string, request: ApprovalRequest = {}) => http.post<DecisionView>(`/api/v1/plans/${id(digest)}/approve`, request),
    reject: (digest: string, reason?: string) => http.post<DecisionView>(`/api/v1/plans/${id(digest)}/reject`, { reason }),
    runs: (most: number) => some<RunListed>("/api/v1/runs", {}, most),
    run: (run: string) => http.get<RunView>(`/api/v1/runs/${id(run)}`),
    /** Waits up to 20 s for something new in a run's journal. */
    runEvents: (run: string, after: number, signal?: AbortSignal) =>
      http.get<RunEventsView>(`/api/v1/runs/${id(run)}/events`, { after, waitMs: 20_000 }, signal),
    cancelRun: (run: string) => http.post<RunView>(`/api/v1/runs/${id(run)}/cancel`),
    undo: (run?: string) => http.post<UndoView>("/api/v1/undo", { run }),

    commit: (edits: readonly FileEdit[], message: string) => http.post<CommitView>("/api/v1/commits", { edits, message }),
    importFrom: (request: ImportRequest) => http.post<ImportView>("/api/v1/imports", request),
    query: (host: string, probe: string, input: unknown, timeoutMs: number) =>
      http.post<QueryView>("/api/v1/queries", { host, probe, input, timeoutMs }),
    ask: (request: AskRequest) => http.post<CommandView>("/api/command", request),
    confirm: (command: string) => http.post<CommandView>(`/api/command/${id(command)}/confirm`),
    rejectCommand: (command: string) => http.post<CommandView>(`/api/command/${id(command)}/reject`),

    latestEvents: (last: number) => http.get<{ events: EventView[]; last: number }>("/api/v1/events", { last }),
    followEvents: (after: number, signal: AbortSignal) => followStream(http, "/api/v1/events", after, signal),
    audit: (most: number) => some<AuditListed>("/api/v1/audit", {}, most),
    verifyAudit: () => http.get<AuditVerdictView>("/api/v1/audit/verify"),
    enrolToken: (request: EnrolTokenRequest) => http.post<EnrolTokenView>("/api/v1/enrol-tokens", request),
    tokens: () => http.get<{ items: TokenView[] }>("/api/v1/tokens").then(({ items }) => items),
    createToken: (name: string, role: Role, expiresInMs?: number) => http.post<NewTokenView>("/api/v1/tokens", { name, role, expiresInMs }),
    backUp: (folder: string) => http.post<BackupView>("/api/v1/backups", { folder }),
    revokeToken: (token: string) => http.delete(`/api/v1/tokens/${id(token)}`),
  };
}

/** Turns a failure of a code into undefined. */
const unless =
  (code: string) =>
  (cause: unknown): undefined => {
    if (cause instanceof ProblemError && cause.problems[0]?.code.startsWith(code) === true) return undefined;
    throw cause;
  };
