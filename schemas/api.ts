import Type, { type Static, type TSchema } from "typebox";
import { DnsLabel } from "./ids.ts";
import { Labels, Tag } from "./manifest.ts";
import { oneOf } from "./one-of.ts";
import { Difference, Plan, Risk } from "./plan.ts";
import { Problem } from "./problem.ts";
import { FactReport } from "./report.ts";
import { RunEvent } from "./run.ts";

/** Bodies of the HTTP API, `/api/v1`. Times are RFC 3339 texts. */

export const roles = ["viewer", "operator", "approver", "admin"] as const;
export type Role = (typeof roles)[number];
export const Role = oneOf(roles);

/** A piece of a listing; `next` is the cursor of the following piece. */
export const pageOf = <T extends TSchema>(item: T) => Type.Object({ items: Type.Array(item), next: Type.Optional(Type.String()) });

export const instanceStates = ["in-sync", "differs", "drifted", "changing", "blocked", "held", "unknown"] as const;

/** A resource on one host, and how it stands. */
export const InstanceView = Type.Object({
  id: Type.String(),
  resource: Type.String(),
  host: Type.String(),
  state: oneOf(instanceStates),
  word: Type.Optional(Type.String({ description: "The kind's own word for what is: running, present …" })),
  reason: Type.Optional(Type.String()),
  differences: Type.Optional(Type.Array(Difference)),
  observedAt: Type.Optional(Type.String()),
  fact: Type.Optional(Type.Unknown()),
});
export type InstanceView = Static<typeof InstanceView>;

export const ResourceView = Type.Object({
  id: Type.String(),
  kind: Type.String(),
  name: Type.String(),
  on: Type.Optional(Type.String()),
  file: Type.String(),
  line: Type.Integer(),
  manifest: Type.Unknown({ description: "The resource as the manifest has it" }),
  instances: Type.Array(InstanceView),
});
export type ResourceView = Static<typeof ResourceView>;

export const HostSummary = Type.Object({
  name: Type.String(),
  online: Type.Boolean(),
  state: Type.String({ description: "online, late, offline, incompatible, quarantined, revoked" }),
  agent: Type.String(),
  version: Type.String(),
  outdated: Type.Optional(Type.Boolean({ description: "The controller has a newer version for its agent" })),
  tags: Type.Array(Type.String()),
  labels: Type.Record(Type.String(), Type.String()),
  aliases: Type.Array(Type.String()),
  address: Type.Optional(Type.String()),
  os: Type.Optional(Type.String()),
  lastSeen: Type.Optional(Type.String()),
  clockOffsetMs: Type.Optional(Type.Number()),
  instances: Type.Object({ inSync: Type.Integer(), open: Type.Integer() }),
  facts: Type.Optional(Type.Unknown()),
  metrics: Type.Optional(Type.Unknown()),
});
export type HostSummary = Static<typeof HostSummary>;

export const StatusView = Type.Object({
  version: Type.String(),
  controller: Type.String(),
  workspace: Type.String(),
  branch: Type.String(),
  commit: Type.String({ description: "The commit in force; empty before the first good one" }),
  head: Type.String({ description: "Where the branch stands; another than `commit` while that one has problems" }),
  problems: Type.Array(Problem),
  hosts: Type.Object({ online: Type.Integer(), all: Type.Integer() }),
  instances: Type.Object({
    inSync: Type.Integer(),
    differs: Type.Integer(),
    drifted: Type.Integer(),
    blocked: Type.Integer(),
    unknown: Type.Integer(),
  }),
  drift: Type.Integer({ description: "Open drift alerts" }),
  pendingPlan: Type.Union([Type.String(), Type.Null()]),
  running: Type.Array(Type.String()),
  waiting: Type.Optional(Type.String({ description: "Why an approved plan does not run yet" })),
  uncommitted: Type.Optional(
    Type.Object(
      { count: Type.Integer(), files: Type.Array(Type.String(), { description: "The first twenty" }) },
      { description: "Files of the workspace that are not committed, and so not in force; absent where there are none" },
    ),
  ),
});
export type StatusView = Static<typeof StatusView>;

export const DriftView = Type.Object({
  instance: Type.String(),
  since: Type.String(),
  closedAt: Type.Optional(Type.String()),
  mode: Type.String(),
  differences: Type.Array(Difference),
  by: Type.Optional(Type.Object({ who: Type.String(), how: Type.String() })),
  note: Type.Optional(Type.String()),
  corrected: Type.Optional(Type.Boolean()),
});
export type DriftView = Static<typeof DriftView>;

export const PlanRequest = Type.Object({
  on: Type.Optional(Type.String({ maxLength: 4096, description: "Only hosts that this selector picks" })),
  ids: Type.Optional(Type.Array(Type.String(), { maxItems: 10_000, description: "Only these resources or instances" })),
});
export type PlanRequest = Static<typeof PlanRequest>;

/** A file as it would be: `text` null removes it. */
export const FileEdit = Type.Object({
  path: Type.String({ maxLength: 1024 }),
  text: Type.Union([Type.String({ maxLength: 1_048_576 }), Type.Null()]),
});
export type FileEdit = Static<typeof FileEdit>;

export const PreviewRequest = Type.Object({ edits: Type.Array(FileEdit, { maxItems: 1000 }), on: Type.Optional(Type.String()) });
export const PreviewView = Type.Object({ plan: Type.Union([Plan, Type.Null()]), problems: Type.Array(Problem) });
export type PreviewView = Static<typeof PreviewView>;

export const PlanState = Type.Object({
  digest: Type.String(),
  state: Type.String(),
  commit: Type.String(),
  madeAt: Type.String(),
  risk: Type.Union([Risk, Type.Null()]),
  changes: Type.Integer(),
  decision: Type.Optional(
    Type.Object({ decision: Type.String(), by: Type.String(), at: Type.String(), reason: Type.Optional(Type.String()) }),
  ),
});

export const DecisionRequest = Type.Object({ reason: Type.Optional(Type.String({ maxLength: 1000 })) });
export const DecisionView = Type.Object({
  digest: Type.String(),
  decision: Type.String(),
  run: Type.Optional(Type.String()),
  waiting: Type.Optional(Type.String()),
});
export type DecisionView = Static<typeof DecisionView>;

export const EnrolTokenRequest = Type.Object({
  host: Type.Optional(Type.Unsafe<string>({ ...DnsLabel, examples: ["web-01"] })),
  tags: Type.Optional(Type.Array(Type.Unsafe<string>({ ...Tag, examples: ["webserver"] }), { maxItems: 64 })),
  labels: Type.Optional(Labels),
  uses: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
  expiresInMs: Type.Optional(Type.Integer({ minimum: 1000, maximum: 2_592_000_000 })),
  replace: Type.Optional(Type.Boolean()),
});
export type EnrolTokenRequest = Static<typeof EnrolTokenRequest>;
export const EnrolTokenView = Type.Object({
  url: Type.String(),
  token: Type.String(),
  fingerprint: Type.String(),
  ca: Type.String(),
  expiresAt: Type.String(),
  command: Type.String(),
});
export type EnrolTokenView = Static<typeof EnrolTokenView>;

export const ImportRequest = Type.Object({
  on: Type.String({ maxLength: 4096 }),
  services: Type.Array(Type.String()),
  files: Type.Array(Type.String()),
  packages: Type.Array(Type.String()),
  guests: Type.Optional(
    Type.Array(Type.String({ maxLength: 253 }), { description: "Names, numbers or globs of guests; the selector picks their clusters" }),
  ),
});
export type ImportRequest = Static<typeof ImportRequest>;
export const ImportView = Type.Object({ edits: Type.Array(FileEdit), problems: Type.Array(Problem), resources: Type.Array(Type.String()) });
export type ImportView = Static<typeof ImportView>;

export const CommitRequest = Type.Object({ edits: Type.Array(FileEdit, { maxItems: 1000 }), message: Type.String({ maxLength: 4096 }) });

export const UndoView = Type.Object({
  edits: Type.Array(FileEdit),
  plan: Type.Union([Plan, Type.Null()]),
  problems: Type.Array(Problem),
  left: Type.Array(Type.String({ description: "What cannot be undone, and why" })),
});
export type UndoView = Static<typeof UndoView>;

export const QueryRequest = Type.Object({
  host: Type.String(),
  probe: Type.String(),
  input: Type.Unknown(),
  timeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 600_000 })),
});
export const QueryView = Type.Object({ host: Type.String(), value: Type.Optional(Type.Unknown()), problem: Type.Optional(Problem) });
export type QueryView = Static<typeof QueryView>;

export const FactView = FactReport;

/** The seed's own request, as it was written. */
export const CommandRequest = Type.Object({
  command: Type.String({ minLength: 1, maxLength: 4096 }),
  targetAgents: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 253 }), {
      maxItems: 10_000,
      description: "Nothing outside these hosts: names, aliases or ids of agents; all where it is left out",
    }),
  ),
  requireConfirmation: Type.Optional(
    Type.Boolean({
      description: "false: the asking is the yes, as far as the role and the policies let it be; what is tainted waits all the same",
    }),
  ),
});

export const EventView = Type.Object({
  n: Type.Integer(),
  at: Type.String(),
  type: Type.String(),
  host: Type.Optional(Type.String()),
  about: Type.Optional(Type.String()),
  text: Type.String(),
  data: Type.Optional(Type.Unknown()),
});
export type EventView = Static<typeof EventView>;

/** A failure as HTTP clients get it (RFC 9457, `application/problem+json`), with our own problems in full. */
export const ProblemBody = Type.Object({
  type: Type.String({ description: "urn:backend-ai:problem:CODE" }),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.Optional(Type.String()),
  instance: Type.Optional(Type.String({ description: "The request's id, as the controller's log has it" })),
  problems: Type.Array(Problem),
});
export type ProblemBody = Static<typeof ProblemBody>;

/** Who the caller is to the controller. */
export const CallerView = Type.Object({ name: Type.String(), role: Role });
export type CallerView = Static<typeof CallerView>;

/** An approval with, where the plan was kept in a file, the plan itself: steps whose basis moved refuse by themselves. */
export const ApprovalRequest = Type.Object({ reason: Type.Optional(Type.String({ maxLength: 1000 })), plan: Type.Optional(Plan) });
export type ApprovalRequest = Static<typeof ApprovalRequest>;

export const UndoRequest = Type.Object({ run: Type.Optional(Type.String({ maxLength: 128, description: "The last run without it" })) });
export const CommitView = Type.Object({ commit: Type.String(), warnings: Type.Array(Problem) });
export type CommitView = Static<typeof CommitView>;

export const FileView = Type.Object({ path: Type.String(), text: Type.String() });
export const FactsView = Type.Object({
  instance: Type.String(),
  observedAt: Type.Optional(Type.String()),
  fact: Type.Optional(Type.Unknown()),
});

/** Events of a run's journal from number `after` on; `next` is the number to go on from, `ended` whether there will be no more. */
export const RunEventsView = Type.Object({ events: Type.Array(RunEvent), next: Type.Integer(), ended: Type.Boolean() });
export type RunEventsView = Static<typeof RunEventsView>;

/** A piece of the event ring. `gap`: some before it are no longer kept. */
export const EventsView = Type.Object({ events: Type.Array(EventView), gap: Type.Boolean(), last: Type.Integer() });
export type EventsView = Static<typeof EventsView>;

export const TokenRequest = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 64, pattern: "^[A-Za-z0-9][A-Za-z0-9 @._-]*$", examples: ["ci"] }),
  role: Role,
  expiresInMs: Type.Optional(Type.Integer({ minimum: 1000, maximum: 315_360_000_000 })),
});
/** An API token; its secret is in the answer to its making alone. */
export const TokenView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  role: Role,
  createdAt: Type.String(),
  createdBy: Type.String(),
  expiresAt: Type.Optional(Type.String()),
  revokedAt: Type.Optional(Type.String()),
});
export type TokenView = Static<typeof TokenView>;
export const NewTokenView = Type.Object({ id: Type.String(), secret: Type.String() });
export type NewTokenView = Static<typeof NewTokenView>;

/** Where a backup goes: a folder on the controller's machine that does not exist yet. */
export const BackupRequest = Type.Object({ folder: Type.String({ minLength: 1, maxLength: 4096 }) });
/** A backup that was made. `commit`: what was in force; git itself is not copied. */
export const BackupView = Type.Object({
  folder: Type.String(),
  madeAt: Type.String(),
  workspace: Type.Object({
    folder: Type.String(),
    branch: Type.String(),
    commit: Type.Optional(Type.String()),
    remote: Type.Optional(Type.String()),
  }),
});
export type BackupView = Static<typeof BackupView>;

/** A sentence with what the seed's request did not have: a conversation to go on with, the offline grammar alone, a look without a change. */
export const AskRequest = Type.Object({
  ...CommandRequest.properties,
  conversation: Type.Optional(Type.String({ maxLength: 128 })),
  offline: Type.Optional(Type.Boolean({ description: "By the offline grammar, without Claude" })),
  dryRun: Type.Optional(Type.Boolean({ description: "Shows what it would do; nothing is kept to be confirmed" })),
});
export type AskRequest = Static<typeof AskRequest>;

export const commandStates = [
  "waiting-for-confirmation",
  "waiting-for-approval",
  "running",
  "done",
  "failed",
  "answered",
  "clarify",
  "refused",
  "cancelled",
  "preview",
] as const;

/** What became of a sentence. `edits`: files as they would be, or were committed; `digest`: of the plan that waits or runs. */
export const CommandView = Type.Object({
  id: Type.String(),
  status: oneOf(commandStates),
  command: Type.String(),
  text: Type.String({ description: "For a person: the answer, the question back, what would be done" }),
  source: Type.Optional(oneOf(["claude", "offline"])),
  conversation: Type.Optional(Type.String()),
  choices: Type.Optional(Type.Array(Type.String(), { description: "Answers to choose from, where it asks back" })),
  edits: Type.Optional(Type.Array(FileEdit)),
  diff: Type.Optional(Type.String({ description: "The edits as a unified diff" })),
  plan: Type.Optional(Type.Union([Plan, Type.Null()])),
  tainted: Type.Optional(Type.Literal(true, { description: "Logs or files of hosts were read before it: a person has to look at it" })),
  digest: Type.Optional(Type.String()),
  commit: Type.Optional(Type.String()),
  run: Type.Optional(Type.String()),
  waiting: Type.Optional(Type.String({ description: "What it waits for" })),
  problems: Type.Array(Problem),
});
export type CommandView = Static<typeof CommandView>;

/** How a sentence's run stands, host by host: the seed's own listing of results. */
export const CommandResults = Type.Object({
  id: Type.String(),
  status: oneOf(commandStates),
  text: Type.String(),
  results: Type.Array(
    Type.Object({ agent: Type.String(), state: Type.String(), summary: Type.String(), error: Type.Optional(Type.String()) }),
  ),
});
export type CommandResults = Static<typeof CommandResults>;
