import type { Ask } from "../../schemas/contract.ts";
import { error, ProblemError } from "../../schemas/problem.ts";
import { protocolVersion } from "../../schemas/protocol.ts";
import type { Transport } from "../../schemas/transport.ts";
import type { AgentView } from "./agent-view.ts";
import type { HubClock } from "./clock.ts";
import type { AgentDirectory } from "./directory.ts";
import type { AgentReport, HubEvents, Tell } from "./hub-events.ts";
import { signedBy } from "./identity.ts";
import type { Keys } from "./keys.ts";
import type { Log } from "./log.ts";
import { type Machine, sameMachine } from "./machine.ts";
import type { Nonces } from "./nonces.ts";
import { notThisMachine } from "./quarantine.ts";
import type { AgentRecord } from "./registry.ts";
import { Session, type SessionOwner } from "./session.ts";
import type { SessionLimits } from "./session-limits.ts";
import { countTakeovers } from "./takeovers.ts";
import { countTold, type ToldLimits } from "./told.ts";
import { changedWatch, fullWatch } from "./watch-messages.ts";

/** What the connections of agents need of the hub. */
export interface ConnectionParts {
  readonly directory: AgentDirectory;
  readonly keys: Keys;
  readonly clock: HubClock;
  readonly log: Log;
  readonly events: HubEvents;
  readonly limits: SessionLimits;
  readonly told: ToldLimits | undefined;
  readonly tickMs: number;
  readonly nonces: Nonces;
  readonly tell: Tell;
  /** An agent's view, with its connection; and telling that it changed. */
  readonly view: (record: AgentRecord) => AgentView;
  readonly stateOf: (agent: string) => void;
  readonly quarantined: (record: AgentRecord, machine: Machine) => Promise<unknown>;
}

/** Where a connection comes from: `expiresAt` (epoch) is the end of its identity, absent for a pair in this process; the rest is for people. */
export interface Origin {
  readonly expiresAt?: number | undefined;
  readonly address?: string | undefined;
  readonly carrier?: string | undefined;
}

/** The connections of all agents, at most one of each that has said hello. */
export interface Connections {
  /** The agent's connection, once it has said hello. */
  of(agent: string): Session | undefined;
  /** What an agent has to watch from now on; kept for its next connection. */
  setWatch(agent: string, asks: readonly Ask[]): void;
  accept(transport: Transport, agent: string, origin: Origin): void;
  /** Ends an agent's connections because it was revoked. */
  cut(agent: string): void;
  /** Ends them all; resolves when what they brought is stored. */
  close(): Promise<void>;
}

const maxAsks = 20_000;
const flushMs = 5_000;

/** Starts the one timer for all connections. */
export function connections(parts: ConnectionParts): Connections {
  const { directory, keys, clock, log, events, limits, nonces, tell, view, stateOf, quarantined } = parts;
  const greeting = new Map<string, Session>();
  const sessions = new Map<string, Session>();
  const heldBack = new Set<Session>();
  const watches = new Map<string, readonly Ask[]>();
  const takeovers = countTakeovers(() => clock.mono());
  const told = countTold(() => clock.mono(), parts.told);
  let closed = false;

  const viewOfAgent = (id: string): AgentView => {
    const record = directory.get(id);
    if (record === undefined) throw new Error(`agent ${id} has a connection and no record`);
    return view(record);
  };

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
      if (!sameMachine(record, { machineId: hello.machineId })) {
        quarantined(record, { machineId: hello.machineId }).catch((cause: unknown) =>
          log.error({ agent: record.id, err: cause }, "unable to store a quarantined machine"),
        );
        return { close: "quarantined", problem: notThisMachine(record) };
      }
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
      // The end of the one before is told first: what was sent on it may be lost, and whoever waits for an answer has to send it again.
      if (before !== undefined) replace(before, session);
      sessions.set(session.agent, session);
      if (session.phase === "incompatible")
        tell(
          "agent-incompatible",
          record,
          `The agent speaks version ${session.otherProtocol} of the protocol, the controller version ${protocolVersion}.`,
        );
      else {
        tell("agent-connected", record, `The agent connected${session.carrier === undefined ? "" : ` by ${session.carrier}`}.`);
        for (const message of fullWatchOf(session.agent)) session.send(message);
      }
      stateOf(session.agent);
    },
    acked: (agent) => directory.get(agent)?.acked ?? 0,
    async report(session, report) {
      const passing = withinLimits(session.agent, report);
      await stored(session, `report ${report.seq}`, () => events.onReport(viewOfAgent(session.agent), passing));
      await stored(session, `report ${report.seq}`, () => directory.setAcked(session.agent, report.seq));
    },
    result: (session, result) => stored(session, `result of ${result.step}`, () => events.onResult(viewOfAgent(session.agent), result)),
    progress(session, progress) {
      if (told.admit(session.agent, "progress", 1) === 1) events.onProgress(viewOfAgent(session.agent), progress);
    },
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

  /** The report with as many events as this agent may tell now; that it dropped some itself counts as one. */
  function withinLimits(agent: string, report: AgentReport): AgentReport {
    const { gap, ...rest } = report,
      events = report.events.slice(0, told.admit(agent, "events", report.events.length));
    if (gap === undefined || gap <= 0) return { ...rest, events };
    return told.admit(agent, "events", 1) === 1 ? { ...rest, events, gap } : { ...rest, events };
  }

  /** Runs what stores something; its failure is ours, not the agent's, and is logged here. */
  async function stored(session: Session, what: string, run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (cause) {
      log.error({ agent: session.agent, what, err: cause }, "unable to store what an agent sent");
      throw cause;
    }
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

  const timer = setInterval(tick, parts.tickMs);
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
    for (const { agent, events: more, progress } of told.excess())
      tell(
        "agent-excess",
        directory.get(agent),
        `The agent tells too much: ${more} events and ${progress} lines of progress were not kept.`,
      );
    directory.flush().catch((cause: unknown) => log.error({ err: cause }, "unable to store when agents were last seen"));
  }

  return {
    of: (agent) => sessions.get(agent),
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
    accept(transport, agent, { expiresAt, address, carrier }) {
      if (closed) return transport.close("shutdown");
      const record = directory.get(agent);
      if (record === undefined || record.revokedAt !== undefined) return transport.close("revoked");
      greeting.get(agent)?.close("replaced");
      const until = expiresAt === undefined ? undefined : clock.mono() + (expiresAt - clock.now());
      greeting.set(agent, new Session(transport, agent, owner, { until, address, carrier }));
    },
    cut(agent) {
      greeting.get(agent)?.close("revoked");
      sessions.get(agent)?.close("revoked");
      watches.delete(agent);
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
}
