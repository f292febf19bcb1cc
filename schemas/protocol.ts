import Type, { type Static } from "typebox";
import { Moment } from "./moment.ts";
import { Problem } from "./problem.ts";
import { Expectation, UndoStep } from "./plan.ts";
import { Ask, FactReport, HostEvent } from "./report.ts";
import { StepResult } from "./run.ts";

/** The one version number of the wire. An agent of another major version is told so and kept waiting. */
export const protocolVersion = 1;
/** The largest message either side accepts, in bytes. */
export const maxMessage = 4 * 1024 * 1024;

const Id = Type.String({ minLength: 1, maxLength: 512 });

// ---- agent -> controller

/** First message on a connection; the connection itself was opened with the agent's JWT. */
export const Hello = Type.Object({
  type: Type.Literal("hello"),
  protocol: Type.Integer(),
  agent: Id,
  version: Type.String({ maxLength: 64 }),
  platform: Type.Object({ os: Type.String(), arch: Type.String(), init: Type.String(), libc: Type.Optional(Type.String()) }),
  verbs: Type.Array(Type.String({ maxLength: 64 }), { maxItems: 256 }),
  bootId: Type.String({ maxLength: 64 }),
  machineId: Type.String({ maxLength: 64 }),
  /** Highest report that the controller had acknowledged, as far as the agent knows. */
  acked: Type.Integer(),
  /** The agent's clock. */
  time: Moment,
});

/** Facts that changed, numbered; kept in the agent's spool until acknowledged. `gap`: events that were dropped before these. */
export const Report = Type.Object({
  type: Type.Literal("report"),
  seq: Type.Integer({ minimum: 1 }),
  facts: Type.Array(FactReport, { maxItems: 1000 }),
  events: Type.Array(HostEvent, { maxItems: 1000 }),
  gap: Type.Optional(Type.Integer()),
});

export const Progress = Type.Object({ type: Type.Literal("progress"), step: Id, text: Type.String({ maxLength: 4096 }) });

/** What became of a step, with the facts read again afterwards; sent until `result-ack`. */
export const Result = Type.Object({ type: Type.Literal("result"), step: Id, result: StepResult, facts: Type.Array(FactReport) });

export const Answer = Type.Object({
  type: Type.Literal("answer"),
  query: Id,
  value: Type.Optional(Type.Unknown()),
  problem: Type.Optional(Problem),
});

/** Keeps the identity fresh on an open connection: signature over the nonce of a `renew` by the agent's Ed25519 key. */
export const Renewal = Type.Object({ type: Type.Literal("renewal"), signature: Type.String({ maxLength: 256 }) });

export const Pong = Type.Object({ type: Type.Literal("pong"), id: Type.Integer(), time: Moment });

// ---- controller -> agent

export const Welcome = Type.Object({
  type: Type.Literal("welcome"),
  protocol: Type.Integer(),
  controller: Id,
  time: Type.Number(),
  /** Key for keyed digests of files that hold secrets, base64. */
  sealKey: Type.String(),
  /** Highest report number that the controller has stored. */
  acked: Type.Integer(),
  /** The agent's name as a host. */
  host: Type.String(),
});

/** All that the agent has to watch from now on; replaces the list before. */
export const Watch = Type.Object({ type: Type.Literal("watch"), asks: Type.Array(Ask, { maxItems: 20_000 }) });

/** The same by its changes, where the list is long. */
export const WatchChange = Type.Object({ type: Type.Literal("watch-change"), add: Type.Array(Ask), remove: Type.Array(Ask) });

export const Ack = Type.Object({ type: Type.Literal("ack"), seq: Type.Integer() });

/** What a signed step says. `deadline`: milliseconds since the epoch by the controller's clock. */
export const StepOrder = Type.Object({
  controller: Id,
  host: Id,
  agent: Id,
  step: Id,
  deadline: Type.Number(),
  timeoutMs: Type.Integer({ minimum: 1, maximum: 86_400_000 }),
  action: Type.String({ maxLength: 64 }),
  input: Type.Unknown(),
  expect: Type.Optional(Expectation),
  goal: Type.Optional(Expectation),
  undo: Type.Optional(Type.Union([UndoStep, Type.Null()])),
});
export type StepOrder = Static<typeof StepOrder>;

/** A step order as text with the controller's Ed25519 signature (base64) over its bytes. */
export const StepMessage = Type.Object({ type: Type.Literal("step"), order: Type.String(), signature: Type.String({ maxLength: 256 }) });

export const ResultAck = Type.Object({ type: Type.Literal("result-ack"), step: Id });

export const Query = Type.Object({
  type: Type.Literal("query"),
  id: Id,
  ask: Ask,
  timeoutMs: Type.Integer({ minimum: 1, maximum: 3_600_000 }),
});

export const Renew = Type.Object({ type: Type.Literal("renew"), nonce: Type.String() });

export const Ping = Type.Object({ type: Type.Literal("ping"), id: Type.Integer(), time: Type.Number() });

/** The other side could not use a message, or will close the connection; both ways. */
export const ProblemMessage = Type.Object({ type: Type.Literal("problem"), problem: Problem, about: Type.Optional(Type.String()) });

export const AgentMessage = Type.Union([Hello, Report, Progress, Result, Answer, Renewal, Pong, ProblemMessage]);
export type AgentMessage = Static<typeof AgentMessage>;
export const ControllerMessage = Type.Union([Welcome, Watch, WatchChange, Ack, StepMessage, ResultAck, Query, Renew, Ping, ProblemMessage]);
export type ControllerMessage = Static<typeof ControllerMessage>;

// ---- enrolment and identity, over HTTPS at the agents' port

/** POST /agent/v1/enrol */
export const EnrolRequest = Type.Object({
  token: Type.String({ maxLength: 256 }),
  /** Raw Ed25519 public key, base64url. */
  publicKey: Type.String({ maxLength: 64 }),
  hostname: Type.String({ maxLength: 253 }),
  machineId: Type.String({ maxLength: 64 }),
  hardwareId: Type.Optional(Type.String({ maxLength: 128, description: "DMI product UUID, or cluster and guest id" })),
  version: Type.String({ maxLength: 64 }),
});
export type EnrolRequest = Static<typeof EnrolRequest>;

export const EnrolAnswer = Type.Object({
  agent: Id,
  host: Type.String(),
  controller: Id,
  /** Raw Ed25519 public key that signs steps, base64url. */
  controllerKey: Type.String(),
  /** The private CA, PEM. */
  ca: Type.String(),
});
export type EnrolAnswer = Static<typeof EnrolAnswer>;

/** POST /agent/v1/challenge {agent} -> {nonce}; POST /agent/v1/token {agent, nonce, signature, machineId} -> {jwt, expiresAt} */
export const ChallengeRequest = Type.Object({ agent: Id });
export const ChallengeAnswer = Type.Object({ nonce: Type.String() });
export const TokenRequest = Type.Object({
  agent: Id,
  nonce: Type.String({ maxLength: 256 }),
  signature: Type.String({ maxLength: 256 }),
  machineId: Type.String({ maxLength: 64 }),
  hardwareId: Type.Optional(Type.String({ maxLength: 128 })),
});
export const TokenAnswer = Type.Object({ jwt: Type.String(), expiresAt: Type.Number() });

// ---- the same messages over HTTP long polling, where WebSockets are blocked; every request carries the agent's JWT

/** The largest body of a poll, in bytes: one message of the largest size, all of its characters escaped. */
export const maxPollBody = 2 * maxMessage + 64 * 1024;
/** How long the controller holds a request that it has nothing to say to, in milliseconds: less than proxies wait. */
export const pollHoldMs = 20_000;

/** POST /agent/v1/poll: opens a connection. Its id is good with a JWT of the same agent alone. */
export const PollOpened = Type.Object({ connection: Type.String({ pattern: "^[\\w-]{16,64}$" }) });

/**
 * POST /agent/v1/poll/CONNECTION/send: messages numbered from `from` on, the first of a connection being 1; one request at a time. Those that were
 * taken before are not taken again. `close`: the agent ends the connection after them.
 */
export const PollSend = Type.Object({
  from: Type.Integer({ minimum: 1 }),
  messages: Type.Array(Type.String(), { maxItems: 1000 }),
  close: Type.Optional(Type.String({ maxLength: 200 })),
});
/** `next`: the first number that was not taken; what follows is to be sent again. */
export const PollSent = Type.Object({ next: Type.Integer({ minimum: 1 }) });

/** POST /agent/v1/poll/CONNECTION/receive: acknowledges what came before `from`, and waits for what comes from there on. */
export const PollReceive = Type.Object({ from: Type.Integer({ minimum: 1 }) });
/** `closed`: nothing comes after these messages; a word of `CloseReason`. */
export const PollReceived = Type.Object({
  from: Type.Integer({ minimum: 1 }),
  messages: Type.Array(Type.String()),
  closed: Type.Optional(Type.String({ maxLength: 200 })),
});

/** What is signed to prove possession of a key: the purpose is part of the text, so that one signature never serves another. */
export const challengeText = (purpose: "token" | "renew", agent: string, nonce: string): string =>
  `backend-ai ${purpose} ${agent} ${nonce}`;
