import type { AgentMessage } from "../../schemas/protocol.ts";
import type { FactReport, HostEvent } from "../../schemas/report.ts";
import { type Clock, pause } from "./clock.ts";
import type { Spool } from "./spool.ts";

const maxInReport = 500;
const maxReportChars = 1024 * 1024;
/** Reports under way that were not acknowledged yet. */
const maxInFlight = 64;
const maxBuffered = 1024 * 1024;
/** From so many reports under way on, facts are gathered for a while. */
const busyAt = 8;
const gatherMs = 10;

export interface ReporterNeeds {
  readonly spool: Spool;
  readonly send: (message: AgentMessage) => boolean;
  readonly buffered: () => number;
  /** Asks for every current fact to be reported again. */
  readonly refresh: () => void;
  readonly clock: Clock;
}

/** Puts facts and events into the spool and sends what is in it, in order, until it is acknowledged. */
export interface Reporter {
  fact(fact: FactReport): void;
  event(event: HostEvent): void;
  /** A connection stands, and the controller holds reports up to `acked`. */
  welcomed(acked: number): void;
  acked(seq: number): void;
  closed(): void;
  /** Resolves when all that was given is in the spool. */
  flush(): Promise<void>;
}

/** Makes the reporter of one agent. */
export function reporter({ spool, send, buffered, refresh, clock }: ReporterNeeds): Reporter {
  let facts: FactReport[] = [],
    events: HostEvent[] = [];
  let keeping: Promise<void> | undefined,
    kept: Promise<void> = Promise.resolve();
  let open = false,
    sent = 0,
    inFlight: number[] = [];
  /** Highest number under which the controller can know a report of ours. */
  let known = spool.last;
  let retry: (() => void) | undefined;

  const keep = async (): Promise<void> => {
    while (facts.length + events.length > 0) {
      // What is found at the same time goes into one report; with many under way, a little later is soon enough.
      await (inFlight.length < busyAt ? Promise.resolve() : pause(clock, gatherMs));
      const batch = take(facts);
      facts = facts.slice(batch.length);
      kept = spool.add(batch, events.splice(0, maxInReport)).then(pump);
      pump();
    }
    keeping = undefined;
  };

  const pump = (): void => {
    retry?.();
    retry = undefined;
    while (open && inFlight.length < maxInFlight) {
      if (buffered() > maxBuffered) {
        retry = clock.after(50, pump);
        return;
      }
      const entry = spool.next(sent);
      if (entry === undefined) return;
      const { seq, gap } = entry;
      if (!send({ type: "report", seq, facts: [...entry.facts], events: [...entry.events], ...(gap === undefined ? {} : { gap }) })) return;
      sent = seq;
      known = Math.max(known, seq);
      inFlight.push(seq);
    }
  };

  return {
    fact(fact) {
      facts.push(fact);
      keeping ??= keep();
    },
    event(event) {
      events.push(event);
      keeping ??= keep();
    },
    welcomed(acked) {
      // The controller holds more than we remember of ourselves: this host was put back to an earlier state.
      const back = acked > known;
      // It holds less than it once acknowledged: it was.
      const lost = acked < spool.acked;
      if (back) void spool.rebase(acked).then(pump);
      else spool.ack(acked);
      open = true;
      sent = acked;
      inFlight = [];
      if (back || lost || spool.takeLost()) refresh();
      pump();
    },
    acked(seq) {
      if (seq > known) return;
      spool.ack(seq);
      inFlight = inFlight.filter((one) => one > seq);
      if (spool.next(0) === undefined && spool.takeLost()) refresh();
      pump();
    },
    closed() {
      open = false;
      inFlight = [];
      retry?.();
      retry = undefined;
    },
    async flush() {
      await keeping;
      await kept;
    },
  };
}

/** As many as fit into one report, at least one. */
function take(facts: readonly FactReport[]): FactReport[] {
  if (facts.length <= 1) return [...facts];
  let count = 0;
  for (let chars = 0; count < Math.min(facts.length, maxInReport); count++) {
    chars += JSON.stringify(facts[count]).length;
    if (chars > maxReportChars && count > 0) break;
  }
  return facts.slice(0, count);
}
