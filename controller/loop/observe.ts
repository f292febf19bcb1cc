import { createHash } from "node:crypto";
import { askKey, canonicalJson } from "../../schemas/canonical.ts";
import type { FactReport, HostEvent } from "../../schemas/report.ts";
import type { FileFact } from "../../schemas/verbs/file.ts";
import type { Fact } from "../core/model.ts";
import type { FactStore } from "../store/facts.ts";
import { checkedFact } from "./checked-fact.ts";
import type { Fleet } from "./fleet.ts";
import type { Log } from "./ports.ts";
import { changesHost } from "./standing-asks.ts";
import type { World } from "./world.ts";

/** A fact as the controller keeps it; the digest of its value stands for it in plans. */
export function factOf(host: string, report: FactReport): Fact {
  return checkedFact({
    host,
    key: askKey({ probe: report.ask.probe, input: report.ask.input }),
    at: report.at,
    digest: createHash("sha256")
      .update(canonicalJson(report.value ?? report.problem))
      .digest("hex")
      .slice(0, 32),
    value: report.value,
    problem: report.problem,
    by: report.by,
  });
}

/** Late reports of one fact that are answered by asking: several may have been under way, but a clock that was put back must not cost a question each. */
const mostAsked = 3;
interface ObserveOptions {
  readonly world: World;
  readonly fleet: Fleet;
  readonly facts: FactStore;
  /** Called with the instances whose comparison may have changed. */
  readonly onAssessed: (ids: Iterable<string>) => void;
  /** Called with a host whose own facts changed: selectors may pick it for more or less than before. */
  readonly onHost: (host: string) => void;
  /** Reads a fact afresh. */
  readonly ask: (host: string, ask: FactReport["ask"]) => Promise<unknown>;
  readonly log: Log;
  readonly now: () => number;
}

/** Takes what agents report: into memory at once, so that drift is told within milliseconds, and onto disk before it is acknowledged. */
export interface Observe {
  /** Resolves once the report is stored, with the highest number stored for the agent. */
  report(
    agent: string,
    host: string,
    report: {
      readonly seq: number;
      readonly facts: readonly FactReport[];
      readonly events: readonly HostEvent[];
      readonly gap?: number | undefined;
    },
  ): Promise<number>;
  /** Facts that came with the result of a step. */
  facts(host: string, reports: readonly FactReport[]): Promise<void>;
  /** A unit was loaded by a step: files that were due for it are read afresh where the step's own facts do not tell, as after a crash of the agent. */
  loaded(host: string, unit: string): Promise<void>;
  /** Facts from the store, at start. */
  restore(facts: Iterable<Fact>): void;
}

export function createObserve({ world, fleet, facts, onAssessed, onHost, ask, log, now }: ObserveOptions): Observe {
  const isKept = ({ host, key }: Fact): boolean => world.keepsFact(host, key);
  const absorb = (list: Iterable<Fact>): void => {
    const ids = new Set<string>(),
      hosts = new Set<string>();
    for (const fact of list) {
      if (!isKept(fact)) continue;
      const takenBack = fleet.takenBack(),
        view = fleet.absorb(fact);
      for (const id of world.setFact(fact)) ids.add(id);
      if (view === undefined) continue;
      const selections = world.selections();
      // What one agent took back is not brought to the others.
      const about = fleet.takenBack() === takenBack ? [view] : fleet.views().values();
      for (const one of about) for (const id of world.setHost(one)) ids.add(id);
      if (changesHost(fact.key)) for (const host of world.selections() === selections ? [fact.host] : world.hosts.keys()) hosts.add(host);
    }
    for (const host of hosts) onHost(host);
    if (ids.size > 0) onAssessed(ids);
  };
  /** When facts were read that came with results or were stored at start, until a report has the same key. */
  const ofResults = new Map<string, { readonly at: number; left: number }>();
  const noteRead = (id: string, at: number): void => void ofResults.set(id, { at, left: mostAsked });
  /** A report that was sent again after a reconnect may have been overtaken by a newer fact; or the host's clock was put back. Asking tells. */
  const isOvertaken = ({ host, key, at }: Fact): boolean => {
    const id = `${host} ${key}`,
      read = ofResults.get(id);
    if (read === undefined) return false;
    const overtaken = at <= read.at;
    if (!overtaken || --read.left <= 0) ofResults.delete(id);
    return overtaken;
  };
  const readAgain = async (fact: Fact, about: FactReport["ask"]): Promise<void> => {
    const fresh = await ask(fact.host, about).then(
      (value) => factOf(fact.host, { ask: about, at: fact.at, value }),
      () => fact,
    );
    absorb([fresh]);
    if (isKept(fresh)) await facts.put([fresh], now());
  };
  return {
    async report(agent, host, report) {
      const list: Fact[] = [];
      for (const reported of report.facts) {
        const fact = factOf(host, reported);
        if (!isOvertaken(fact)) list.push(fact);
        else
          readAgain(fact, reported.ask).catch((failure: unknown) =>
            log.error({ host, key: fact.key, error: String(failure) }, "unable to store a fact that was read again"),
          );
      }
      absorb(list);
      const offset = fleet.state(host)?.clockOffset ?? 0;
      const events = report.events.map((event) => ({
        at: event.at + offset,
        type: `host.${event.type}`,
        host,
        about: event.subject,
        text: event.text,
      }));
      if (report.gap !== undefined && report.gap > 0)
        events.push({
          at: now(),
          type: "host.gap",
          host,
          about: host,
          text: `${report.gap} events of ${host} were dropped while it was cut off`,
        });
      return (await facts.putReport({ agent, host, seq: report.seq, receivedAt: now(), facts: list.filter(isKept), events })).acked;
    },
    async facts(host, reports) {
      const list = reports.map((fact) => factOf(host, fact));
      absorb(list);
      for (const { key, at } of list) if (world.isAsked(host, key)) noteRead(`${host} ${key}`, at);
      const kept = list.filter(isKept);
      if (kept.length > 0) await facts.put(kept, now());
    },
    async loaded(host, unit) {
      const stale = world.asks(host).flatMap((about) => {
        const fact = about.probe === "file" ? world.fact(host, askKey(about)) : undefined;
        return (fact?.value as FileFact | undefined)?.due?.includes(unit) === true ? [{ about, fact: fact! }] : [];
      });
      await Promise.all(stale.map(({ about, fact }) => readAgain(fact, about)));
      // A report from before may still be under way, and nobody knows by which time of the host.
      for (const { fact } of stale) noteRead(`${host} ${fact.key}`, Number.POSITIVE_INFINITY);
    },
    restore(stored) {
      const list = [...stored].map(checkedFact);
      absorb(list);
      // A report may have been under way to the controller before this one, and been overtaken then.
      for (const { host, key, at } of list) noteRead(`${host} ${key}`, at);
    },
  };
}
