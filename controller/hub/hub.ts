import type { Static } from "typebox";
import pLimit from "p-limit";
import type { Ask } from "../../schemas/contract.ts";
import { error, type Problem, ProblemError } from "../../schemas/problem.ts";
import {
  type EnrolAnswer,
  type EnrolRequest,
  maxMessage,
  protocolVersion,
  type StepOrder,
  type TokenAnswer,
  type TokenRequest,
} from "../../schemas/protocol.ts";
import type { Transport } from "../../schemas/transport.ts";
import { agentJwt } from "./agent-jwt.ts";
import { type AgentView, viewOf } from "./agent-view.ts";
import type { HubClock } from "./clock.ts";
import { cloneId, cloneViews } from "./clones.ts";
import { connections, type Origin } from "./connections.ts";
import { openDirectory } from "./directory.ts";
import { enrol } from "./enrol.ts";
import type { HubEvents, Tell } from "./hub-events.ts";
import { prove, refusal } from "./identity.ts";
import { makeJoinToken, type TokenWish } from "./join-token.ts";
import type { Keys } from "./keys.ts";
import type { Log } from "./log.ts";
import type { Machine } from "./machine.ts";
import { makeNonces } from "./nonces.ts";
import { wrongOutput } from "./probe-output.ts";
import { quarantine } from "./quarantine.ts";
import type { AgentRecord, AgentRegistry, TokenRecord } from "./registry.ts";
import type { Session } from "./session.ts";
import { type SessionLimits, sessionLimits } from "./session-limits.ts";
import { signOrder } from "./sign.ts";
import type { ToldLimits } from "./told.ts";

export interface HubOptions {
  readonly registry: AgentRegistry;
  readonly keys: Keys;
  readonly clock: HubClock;
  readonly log: Log;
  readonly events: HubEvents;
  /** The setting ALLOWED_AGENTS as `allowedAgents` reads it; absent: every host. */
  readonly allowed?: ((host: string, agent: string) => boolean) | undefined;
  readonly limits?: Partial<SessionLimits> | undefined;
  readonly told?: ToldLimits | undefined;
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
  /** Resolves to the probe's value, which has the form that the probe promises; rejects with a ProblemError. */
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
  /** Takes a connection of an agent that was admitted. */
  accept(transport: Transport, agent: string, origin?: Origin): void;
  /** Closes every connection and stores what is left. */
  close(): Promise<void>;
}

/** Reads the registry and starts the hub's one timer. */
export async function createHub(options: HubOptions): Promise<Hub> {
  const { registry, keys, clock, log, events } = options;
  const allowed = options.allowed ?? (() => true);
  const directory = await openDirectory(registry);
  const nonces = makeNonces(() => clock.mono());
  const jwt = agentJwt(keys.jwtSecret, keys.controller, () => clock.now());
  const oneAtATime = pLimit(1);
  let queries = 0;

  const view = (record: AgentRecord): AgentView => viewOf(record, links.of(record.id), clock.now());
  const tell: Tell = (type, agent, text) =>
    events.onEvent({ at: clock.now(), type, ...(agent === undefined ? {} : { agent: agent.id, host: agent.host }), text });
  const stateOf = (id: string): void => {
    const record = directory.get(id);
    if (record !== undefined) events.onAgentState(view(record));
  };

  const cloned = (agent: AgentRecord, machine: Machine): Promise<Problem> => quarantine(agent, machine, { directory, clock, log, tell });
  const links = connections({
    directory,
    keys,
    clock,
    log,
    events,
    limits: { ...sessionLimits, ...options.limits },
    told: options.told,
    tickMs: options.tickMs ?? 500,
    nonces,
    tell,
    view,
    stateOf,
    quarantined: cloned,
  });

  function usable(id: string): Session {
    const record = directory.get(id),
      session = links.of(id);
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
    setWatch: (agent, asks) => links.setWatch(agent, asks),
    async query(agent, ask, timeoutMs, signal) {
      const session = usable(agent),
        host = directory.get(agent)?.host ?? agent;
      // The agent would end the connection over it, each time it is asked.
      if (Buffer.byteLength(JSON.stringify(ask)) > maxMessage - queryRoom)
        throw unusable("query-size", host, `the question ${ask.probe} is larger than a message may be (${maxMessage} bytes)`, "never");
      const value = await session.query(`q${++queries}`, ask, timeoutMs, signal),
        wrong = wrongOutput(ask.probe, value);
      if (wrong === undefined) return value;
      log.warn({ agent, host, probe: ask.probe, wrong }, "an agent answered in another form than its probe has");
      throw new ProblemError(
        error("agent/bad-answer", `Unable to use the answer of ${host} to ${ask.probe}: ${wrong}`, {
          retry: "later",
          hint: "Are agent and controller of the same version? See: backend-ai agents",
        }),
      );
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
      links.cut(agent);
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
    accept: (transport, agent, origin = {}) => links.accept(transport, agent, origin),
    close: () => links.close(),
  };

  function replaced(agent: string, by: AgentRecord): void {
    links.cut(agent);
    tell("agent-revoked", directory.get(agent), `The agent was revoked: ${by.id} was enrolled in its place.`);
    stateOf(agent);
  }
}

/** Bytes of a query beside its question. */
const queryRoom = 1024;

const unusable = (why: string, host: string, reason: string, retry: "never" | "later"): ProblemError =>
  new ProblemError(error(`agent/${why}`, `Unable to use the agent of ${host}: ${reason}`, { retry }));
