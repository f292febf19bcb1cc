import type { Static } from "typebox";
import pLimit from "p-limit";
import type { Ask } from "../../schemas/contract.ts";
import { error, type Problem, ProblemError } from "../../schemas/problem.ts";
import {
  type EnrolAnswer,
  type EnrolRequest,
  type Hello,
  maxMessage,
  type Progress,
  protocolVersion,
  type Report,
  type Result,
  type StepOrder,
  type TokenAnswer,
  type TokenRequest,
} from "../../schemas/protocol.ts";
import type { Transport } from "../../schemas/transport.ts";
import { agentJwt } from "./agent-jwt.ts";
import { type AgentView, viewOf } from "./agent-view.ts";
import type { HubClock } from "./clock.ts";
import { cloneId, cloneViews } from "./clones.ts";
import { openDirectory } from "./directory.ts";
import { enrol } from "./enrol.ts";
import { prove, refusal, signedBy } from "./identity.ts";
import { makeJoinToken, type TokenWish } from "./join-token.ts";
import type { Keys } from "./keys.ts";
import type { Log } from "./log.ts";
import { type Machine, sameMachine, withClone } from "./machine.ts";
import { makeNonces } from "./nonces.ts";
import type { AgentRecord, AgentRegistry, TokenRecord } from "./registry.ts";
import { Session, type SessionOwner } from "./session.ts";
import { type SessionLimits, sessionLimits } from "./session-limits.ts";
import { signOrder } from "./sign.ts";
import { countTakeovers } from "./takeovers.ts";
import { changedWatch, fullWatch } from "./watch-messages.ts";

export type AgentReport = Static<typeof Report>;
export type AgentResult = Static<typeof Result>;
export type AgentProgress = Static<typeof Progress>;

/** Something about agents that people want to know or the audit keeps. `at`: milliseconds since the epoch. */
export interface HubEvent {
  readonly at: number;
  readonly type:
    | "agent-enrolled"
    | "enrol-refused"
    | "agent-connected"
    | "agent-disconnected"
    | "agent-incompatible"
    | "agent-cloned"
    | "agent-contended"
    | "agent-revoked"
    | "agent-problem";
  readonly agent?: string | undefined;
  readonly host?: string | undefined;
  readonly text: string;
}

/** What the hub tells the rest of the controller. What resolves is stored; a rejection leaves it unacknowledged, and the agent sends it again. */
export interface HubEvents {
  /** May come again with the same number after a failure; numbers at or below the stored one never come. */
  onReport(agent: AgentView, report: AgentReport): Promise<void>;
  /** May come again for the same step. */
  onResult(agent: AgentView, result: AgentResult): Promise<void>;
  onProgress(agent: AgentView, progress: AgentProgress): void;
  /** Its state, its clock, or what it says of itself changed. */
  onAgentState(agent: AgentView): void;
  onEvent(event: HubEvent): void;
}

export interface HubOptions {
  readonly registry: AgentRegistry;
  readonly keys: Keys;
  readonly clock: HubClock;
  readonly log: Log;
  readonly events: HubEvents;
  /** The setting ALLOWED_AGENTS as `allowedAgents` reads it; absent: every host. */
  readonly allowed?: ((host: string, agent: string) => boolean) | undefined;
  readonly limits?: Partial<SessionLimits> | undefined;
  /** How often the one timer of the hub looks at all sessions, milliseconds. */
  readonly tickMs?: number | undefined;
}

/** All agents and their connections. Whatever carries the messages is handed in by `accept`. */
export interface Hub {
  /** Every agent that is not revoked, and quarantined machines; revoked agents too with `revoked`. */
  agents(options?: { readonly revoked?: boolean }): AgentView[];
  agent(id: string): AgentView | undefined;
  agentOf(host: string): AgentView | undefined;
  /** Signs a step and hands it to the agent's connection; rejects with a ProblemError (`agent/offline` …) where that cannot be. */
  sendStep(order: StepOrder): Promise<void>;
  /** What an agent has to watch from now on; kept for its next connection. At most 20 000 asks. */
  setWatch(agent: string, asks: readonly Ask[]): void;
  /** Resolves to the probe's value; rejects with a ProblemError. */
  query(agent: string, ask: Ask, timeoutMs: number, signal?: AbortSignal): Promise<unknown>;
  /** Cuts an agent off at once and for good, or dismisses a quarantined machine; false where there is no such agent. On disk when it resolves. */
  revoke(agent: string, by: string): Promise<boolean>;
  /** The text of the token is shown this once. */
  createToken(wish: TokenWish): Promise<{ readonly token: string; readonly record: TokenRecord }>;
  tokens(): Promise<readonly TokenRecord[]>;
  revokeToken(id: string): Promise<boolean>;
  enrol(request: EnrolRequest): Promise<EnrolAnswer | Problem>;
  challenge(agent: string): string;
  prove(request: Static<typeof TokenRequest>): Promise<Static<typeof TokenAnswer> | Problem>;
  /** Who a JWT belongs to, if that agent may connect now. */
  admit(jwt: string): Promise<{ readonly agent: string; readonly expiresAt: number } | Problem>;
  /** Takes a connection of an agent that was admitted; `expiresAt` (epoch) is the end of its identity, absent for a pair in this process. */
  accept(
    transport: Transport,
    agent: string,
    more?: { readonly expiresAt?: number | undefined; readonly address?: string | undefined },
  ): void;
  /** Closes every connection and stores what is left. */
  close(): Promise<void>;
}

const maxAsks = 20_000;
const flushMs = 5_000;

/** Reads the registry and starts the hub's one timer. */
export async function createHub(options: HubOptions): Promise<Hub> {
  const { registry, keys, clock, log, events } = options;
  const allowed = options.allowed ?? (() => true);
  const limits: SessionLimits = { ...sessionLimits, ...options.limits };
  const directory = await openDirectory(registry);
  const nonces = makeNonces(() => clock.mono());
  const jwt = agentJwt(keys.jwtSecret, keys.controller, () => clock.now());
  const greeting = new Map<string, Session>();
  const sessions = new Map<string, Session>();
  const heldBack = new Set<Session>();
  const watches = new Map<string, readonly Ask[]>();
  const takeovers = countTakeovers(() => clock.mono());
  const oneAtATime = pLimit(1);
  let queries = 0,
    closed = false;

  const view = (record: AgentRecord): AgentView => viewOf(record, sessions.get(record.id), clock.now());
  const viewById = (id: string): AgentView => {
    const record = directory.get(id);
    if (record === undefined) throw new Error(`agent ${id} has a connection and no record`);
    return view(record);
  };
  const tell = (type: HubEvent["type"], agent: AgentRecord | undefined, text: string): void =>
    events.onEvent({ at: clock.now(), type, ...(agent === undefined ? {} : { agent: agent.id, host: agent.host }), text });
  const stateOf = (id: string): void => {
    const record = directory.get(id);
    if (record !== undefined) events.onAgentState(view(record));
  };

  async function cloned(agent: AgentRecord, machine: Machine): Promise<Problem> {
    const id = cloneId(agent.id, machine);
    const isNew = !agent.clones.some((clone) => cloneId(agent.id, clone) === id);
    if (isNew) {
      await directory.change(agent.id, { clones: withClone(agent, machine, clock.now()) });
      log.warn({ agent: agent.id, host: agent.host, clone: id }, "another machine showed this agent's key");
      tell(
        "agent-cloned",
        agent,
        `Another machine (machine-id ${machine.machineId}) showed the key of ${agent.host}. It was quarantined as ${id}.`,
      );
    } else directory.note(agent.id, { clones: withClone(agent, machine, clock.now()) });
    return error("identity/quarantined", `Unable to accept this machine: its key belongs to ${agent.host}, which is another machine`, {
      hint: `If this is a clone: \`sh /usr/local/lib/ai-agent/install-agent.sh --uninstall\` on it and install with a new join token. If it is ${agent.host} with a new machine-id or new hardware: \`backend-ai enrol --host ${agent.host} --replace\`.`,
    });
  }

  const owner: SessionOwner = {
    clock,
    limits,
    hello(session, hello) {
      const record = directory.get(session.agent);
      if (record === undefined || record.revokedAt !== undefined)
        return { close: "revoked", problem: error("identity/revoked", "Unable to accept the agent: it was revoked") };
      if (hello.agent !== session.agent)
        return {
          close: "misbehaved",
          problem: error("protocol/other-agent", "Unable to accept the hello: it names another agent than the identity of the connection"),
        };
      if (!sameMachine(record, { machineId: hello.machineId })) return { close: "quarantined", problem: quarantine(record, hello) };
      directory.note(record.id, {
        profile: { version: hello.version, platform: hello.platform, verbs: hello.verbs, bootId: hello.bootId },
        lastSeen: clock.now(),
      });
      return {
        type: "welcome",
        protocol: protocolVersion,
        controller: keys.controller,
        time: clock.now(),
        sealKey: Buffer.from(keys.sealKey).toString("base64"),
        acked: record.acked,
        host: record.host,
      };
    },
    entered(session) {
      greeting.delete(session.agent);
      const before = sessions.get(session.agent),
        record = directory.get(session.agent);
      sessions.set(session.agent, session);
      if (before !== undefined) replace(before, session);
      if (session.phase === "incompatible")
        tell(
          "agent-incompatible",
          record,
          `The agent speaks version ${session.otherProtocol} of the protocol, the controller version ${protocolVersion}.`,
        );
      else {
        tell("agent-connected", record, "The agent connected.");
        for (const message of fullWatchOf(session.agent)) session.send(message);
      }
      stateOf(session.agent);
    },
    acked: (agent) => directory.get(agent)?.acked ?? 0,
    async report(session, report) {
      await stored(session, `report ${report.seq}`, () => events.onReport(viewById(session.agent), report));
      await stored(session, `report ${report.seq}`, () => directory.setAcked(session.agent, report.seq));
    },
    result: (session, result) => stored(session, `result of ${result.step}`, () => events.onResult(viewById(session.agent), result)),
    progress: (session, progress) => events.onProgress(viewById(session.agent), progress),
    problem(session, { problem, about }) {
      log.warn({ agent: session.agent, code: problem.code.slice(0, 100), about: about?.slice(0, 200) }, "an agent reported a problem");
      tell("agent-problem", directory.get(session.agent), `${about === undefined ? "" : `${about}: `}${problem.summary}`.slice(0, 1000));
    },
    held: (session) => void heldBack.add(session),
    lateness: (session) => stateOf(session.agent),
    nonce: (agent) => nonces.make(agent),
    signed(agent, nonce, signature) {
      const record = directory.get(agent);
      return record !== undefined && signedBy(record, "renew", nonce, signature);
    },
    closed(session, reason) {
      heldBack.delete(session);
      if (greeting.get(session.agent) === session) greeting.delete(session.agent);
      if (sessions.get(session.agent) !== session) return;
      sessions.delete(session.agent);
      directory.note(session.agent, {
        lastSeen: clock.now(),
        ...(session.offset.value === undefined ? {} : { clockOffset: session.offset.value }),
      });
      if (closed) return;
      tell("agent-disconnected", directory.get(session.agent), `The connection ended${reason === "" ? "" : `: ${reason}`}.`);
      stateOf(session.agent);
    },
  };

  const fullWatchOf = (agent: string) => {
    const asks = watches.get(agent);
    return asks === undefined ? [] : fullWatch(asks);
  };

  /** Runs what stores something; its failure is ours, not the agent's, and is logged here. */
  async function stored(session: Session, what: string, run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (cause) {
      log.error({ agent: session.agent, what, err: cause }, "unable to store what an agent sent");
      throw cause;
    }
  }

  function quarantine(record: AgentRecord, hello: Static<typeof Hello>): Problem {
    cloned(record, { machineId: hello.machineId }).catch((cause: unknown) =>
      log.error({ agent: record.id, err: cause }, "unable to store a quarantined machine"),
    );
    return error("identity/quarantined", `Unable to accept this machine: its key belongs to ${record.host}, which is another machine`);
  }

  function replace(before: Session, by: Session): void {
    by.follow(before);
    before.close("replaced");
    if (takeovers.count(by.agent))
      tell(
        "agent-contended",
        directory.get(by.agent),
        "Connections of this agent take over from each other again and again: two processes or a clone use one identity.",
      );
  }

  function usable(id: string): Session {
    const record = directory.get(id),
      session = sessions.get(id);
    if (record === undefined) throw unusable("unknown", id, "it is not known", "never");
    if (record.revokedAt !== undefined) throw unusable("revoked", record.host, "it was revoked", "never");
    if (session === undefined) throw unusable("offline", record.host, "it is not connected", "later");
    if (!session.usable)
      throw unusable(
        "incompatible",
        record.host,
        `it speaks version ${session.otherProtocol} of the protocol, the controller version ${protocolVersion}`,
        "later",
      );
    return session;
  }

  const timer = setInterval(tick, options.tickMs ?? 500);
  timer.unref();
  let flushedAt = clock.mono();
  function tick(): void {
    const now = clock.mono();
    for (const session of heldBack) if (session.resume(now)) heldBack.delete(session);
    for (const session of greeting.values()) session.tick(now);
    for (const session of sessions.values()) session.tick(now);
    if (now - flushedAt < flushMs) return;
    flushedAt = now;
    takeovers.forget();
    directory.flush().catch((cause: unknown) => log.error({ err: cause }, "unable to store when agents were last seen"));
  }

  return {
    agents({ revoked = false } = {}) {
      const views: AgentView[] = [];
      for (const record of directory.all())
        if (revoked || record.revokedAt === undefined) views.push(view(record), ...(record.clones.length === 0 ? [] : cloneViews(record)));
      return views;
    },
    agent(id) {
      const record = directory.get(id.split("~")[0] ?? id);
      if (record === undefined) return undefined;
      return record.id === id ? view(record) : cloneViews(record).find((clone) => clone.id === id);
    },
    agentOf(host) {
      const record = directory.byHost(host);
      return record === undefined ? undefined : view(record);
    },
    async sendStep(order) {
      const session = usable(order.agent),
        message = signOrder(order, keys.signing);
      if (!directory.get(order.agent)?.profile?.verbs.includes(order.action))
        throw unusable(
          "verb",
          order.host,
          `it does not have the action ${order.action}; upgrade it, or allow the action in its agent.env`,
          "later",
        );
      if (Buffer.byteLength(JSON.stringify(message)) > maxMessage)
        throw unusable("step-size", order.host, `the step ${order.step} is larger than a message may be (${maxMessage} bytes)`, "never");
      session.send(message);
      if (session.phase === "closed") throw unusable("offline", order.host, "it reads too slowly", "later");
    },
    setWatch(agent, asks) {
      if (asks.length > maxAsks)
        throw new ProblemError(
          error("hub/too-many-asks", `Unable to watch ${asks.length} things on the agent ${agent}: ${maxAsks} is the limit`),
        );
      const before = watches.get(agent),
        session = sessions.get(agent);
      watches.set(agent, asks);
      if (session === undefined || !session.usable) return;
      for (const message of before === undefined ? fullWatch(asks) : changedWatch(before, asks)) session.send(message);
    },
    async query(agent, ask, timeoutMs, signal) {
      return usable(agent).query(`q${++queries}`, ask, timeoutMs, signal);
    },
    async revoke(id, by) {
      const [agent = id] = id.split("~"),
        record = directory.get(agent);
      if (record === undefined) return false;
      if (agent !== id) {
        const clones = record.clones.filter((clone) => cloneId(agent, clone) !== id);
        if (clones.length === record.clones.length) return false;
        await directory.change(agent, { clones });
        return true;
      }
      if (record.revokedAt !== undefined) return true;
      const durable = directory.change(agent, { revokedAt: clock.now() });
      cut(agent);
      await durable;
      tell("agent-revoked", record, `The agent was revoked by ${by}.`);
      stateOf(agent);
      return true;
    },
    async createToken(wish) {
      const made = makeJoinToken(wish, clock.now());
      await registry.addToken(made.record);
      return made;
    },
    tokens: () => registry.tokens(),
    revokeToken: (id) => registry.revokeToken(id, clock.now()),
    enrol: (request) =>
      oneAtATime(async () => {
        const answer = await enrol(request, {
          registry,
          directory,
          allowed,
          answer: { controller: keys.controller, controllerKey: keys.controllerKey, ca: keys.ca },
          now: () => clock.now(),
          cloned,
          replaced,
        });
        if ("code" in answer) {
          tell("enrol-refused", undefined, `${request.hostname}: ${answer.summary}`.slice(0, 1000));
          return answer;
        }
        tell(
          "agent-enrolled",
          directory.get(answer.agent),
          `The host was enrolled with the join token ${directory.get(answer.agent)?.token}.`,
        );
        stateOf(answer.agent);
        return answer;
      }),
    challenge: (agent) => nonces.make(agent),
    prove: (request) => prove(request, { directory, nonces, jwt, allowed, cloned }),
    async admit(text) {
      const who = await jwt.verify(text);
      if ("code" in who) return who;
      const record = directory.get(who.agent);
      if (record === undefined) return error("identity/unknown", "Unable to accept the agent: it is not enrolled with this controller");
      return refusal(record, allowed) ?? who;
    },
    accept(transport, agent, more = {}) {
      if (closed) return transport.close("shutdown");
      const record = directory.get(agent);
      if (record === undefined || record.revokedAt !== undefined) return transport.close("revoked");
      greeting.get(agent)?.close("replaced");
      const until = more.expiresAt === undefined ? undefined : clock.mono() + (more.expiresAt - clock.now());
      greeting.set(agent, new Session(transport, agent, owner, { until, address: more.address }));
    },
    async close() {
      closed = true;
      clearInterval(timer);
      const open = [...greeting.values(), ...sessions.values()];
      for (const session of open) session.close("shutdown");
      await Promise.all(open.map((session) => session.idle));
      await directory.flush();
    },
  };

  /** Ends an agent's connections because it was revoked. */
  function cut(agent: string): void {
    greeting.get(agent)?.close("revoked");
    sessions.get(agent)?.close("revoked");
    watches.delete(agent);
  }

  function replaced(agent: string, by: AgentRecord): void {
    cut(agent);
    tell("agent-revoked", directory.get(agent), `The agent was revoked: ${by.id} was enrolled in its place.`);
    stateOf(agent);
  }
}

const unusable = (why: string, host: string, reason: string, retry: "never" | "later"): ProblemError =>
  new ProblemError(error(`agent/${why}`, `Unable to use the agent of ${host}: ${reason}`, { retry }));
