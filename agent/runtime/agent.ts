import { type AgentMessage, type ControllerMessage, protocolVersion } from "../../schemas/protocol.ts";
import { type Allowance, allowing, type ResolvePath } from "./allow.ts";
import { queryAnswerer } from "./answer-queries.ts";
import { type Clock, pause } from "./clock.ts";
import { fewEvents } from "./few-events.ts";
import { type Identity, verifyKeyOf } from "./identity.ts";
import { type Link, type LinkState, link } from "./link.ts";
import { type Log, reasonOf } from "./log.ts";
import type { Machine } from "./machine.ts";
import type { Memory } from "./memory.ts";
import { performer } from "./perform.ts";
import { probing, wrongAsk } from "./probing.ts";
import { reporter } from "./reporter.ts";
import type { Spool } from "./spool.ts";
import type { Dial } from "./transport.ts";
import type { Verbs } from "./verbs.ts";
import { watch } from "./watch.ts";
import type { WatchList } from "./watch-list.ts";

/** Everything that an agent is made of; nothing is shared between agents of one process but what is given to both. */
export interface AgentParts {
  readonly controllers: readonly string[];
  readonly allowance: Allowance;
  readonly identity: Pick<Identity, "agent" | "host" | "controller" | "controllerKey">;
  /** Signs challenges with the agent's key. */
  readonly sign: (purpose: "token" | "renew", nonce: string) => string;
  readonly machine: Pick<Machine, "machineId" | "bootId" | "platform">;
  readonly version: string;
  readonly verbs: Verbs;
  readonly memory: Memory;
  readonly spool: Spool;
  readonly dial: Dial;
  readonly resolve: ResolvePath;
  readonly clock: Clock;
  readonly log: Log;
  readonly watchList?: WatchList | undefined;
  readonly changed?: ((state: LinkState) => void) | undefined;
  /** How long what a step changed may take to settle; 5 s where not given. */
  readonly settleMs?: number | undefined;
  /** Steps that run at once: 4 on a machine; more where the work is done elsewhere, as by a cluster. */
  readonly atOnce?: number | undefined;
}

export interface Agent {
  /** Takes no more steps, waits for the running ones at most `graceMs`, and closes everything. */
  stop(graceMs?: number): Promise<void>;
}

/** Puts an agent together and starts it: it watches and connects from now on. */
export async function runAgent(parts: AgentParts): Promise<Agent> {
  const { identity, verbs, memory, spool, clock, log, resolve, watchList } = parts;
  const key = verifyKeyOf(identity.controllerKey),
    allow = allowing(parts.allowance);
  let host = identity.host,
    offset = 0;
  let sealKey: Uint8Array | undefined, connection: Link | undefined;

  const probe = probing({ verbs, memory, allow, resolve, clock, sealKey: () => sealKey });
  const send = (message: AgentMessage): boolean => connection?.send(message) ?? false;
  const reports = reporter({ spool, send, buffered: () => connection?.buffered ?? 0, refresh: () => watching.forget(), clock });
  const watching = watch({
    verbs,
    probe,
    usable: (ask) => wrongAsk(verbs, ask) === undefined,
    report: (fact) => reports.fact(fact),
    clock,
    log,
  });
  const steps = performer({
    verbs,
    memory,
    probe,
    allow,
    resolve,
    clock,
    log,
    send,
    settleMs: parts.settleMs ?? 5000,
    atOnce: parts.atOnce,
    addressee: () => ({ agent: identity.agent, host, controller: identity.controller, key }),
    controllerNow: () => clock.now() + offset,
    sealKey: () => sealKey,
    stepStarted: (step, touched) => watching.stepStarted(step, touched),
    stepEnded: (step) => watching.stepEnded(step),
    watched: (which) => watching.matching(which),
  });
  const answerQuery = queryAnswerer(probe, send);

  const hello = (): AgentMessage => ({
    type: "hello",
    protocol: protocolVersion,
    agent: identity.agent,
    version: parts.version,
    platform: parts.machine.platform,
    verbs: [...Object.keys(verbs.probes), ...Object.keys(verbs.actions)].filter(allow.verb),
    bootId: parts.machine.bootId,
    machineId: parts.machine.machineId,
    acked: spool.acked,
    time: clock.now(),
  });

  const welcomed = (welcome: Extract<ControllerMessage, { type: "welcome" }>): string | undefined => {
    if (welcome.controller !== identity.controller)
      return `it is controller ${welcome.controller}, and this agent belongs to ${identity.controller}`;
    host = welcome.host;
    offset = welcome.time - clock.now();
    const next = Buffer.from(welcome.sealKey, "base64"),
      other = sealKey === undefined || !next.equals(sealKey);
    sealKey = next;
    if (other) watching.look((ask) => (ask.input as { seal?: unknown } | null)?.seal === true);
    // In a turn of its own: the connection counts as welcome only once this function has answered.
    queueMicrotask(() => {
      reports.welcomed(welcome.acked);
      steps.resend();
    });
    return undefined;
  };

  const received = (message: ControllerMessage): void => {
    switch (message.type) {
      case "watch":
      case "watch-change":
        if (message.type === "watch") watching.set(message.asks);
        else watching.change(message.add, message.remove);
        return watchList?.save(() => watching.asks());
      case "ack":
        return reports.acked(message.seq);
      case "step":
        return background("take a step", steps.receive(message));
      case "result-ack":
        return background("note an acknowledgement", steps.acknowledge(message.step));
      case "query":
        return answerQuery(message);
      case "renew":
        return void send({ type: "renewal", signature: parts.sign("renew", message.nonce) });
      case "ping":
        offset = message.time - clock.now();
        return;
      default:
        return;
    }
  };

  const background = (what: string, work: Promise<void>): void =>
    void work.catch((failure: unknown) => log("error", `unable to ${what}`, { reason: reasonOf(failure) }));

  const asks = (await watchList?.load()) ?? [];
  if (asks.length > 0) watching.set(asks);
  await steps.settle().catch((failure: unknown) => log("error", "unable to settle interrupted steps", { reason: reasonOf(failure) }));
  const started = link({
    controllers: parts.controllers,
    dial: parts.dial,
    clock,
    log,
    hello,
    welcomed,
    received,
    closed: () => reports.closed(),
    changed: (state) => parts.changed?.(state),
  });
  connection = started;
  const events = fewEvents((event) => reports.event(event), clock);
  const source = verbs
    .events?.(events.emit)
    .catch((failure: unknown) => log("warn", "unable to tell events", { reason: reasonOf(failure) }));

  return {
    async stop(graceMs = 10_000) {
      const over = new AbortController();
      await Promise.race([steps.stop(), pause(clock, graceMs, over.signal)]);
      over.abort();
      (await source)?.();
      events.stop();
      await watching.stop();
      await reports.flush();
      await started.stop();
      reports.closed();
      await spool.close();
      await memory.flush().catch((failure: unknown) => log("error", "unable to write the memory", { reason: reasonOf(failure) }));
    },
  };
}
