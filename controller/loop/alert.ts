import type { Fact } from "../core/model.ts";
import { driftMode, judge, type DriftMode, type Judgement } from "../core/drift.ts";
import { canonicalJson } from "../../schemas/canonical.ts";
import type { Store } from "../store/store.ts";
import type { Tell } from "./ports.ts";
import type { World } from "./world.ts";
import type { WriteBehind } from "./write-behind.ts";

interface SettleOptions {
  readonly world: World;
  readonly store: Store;
  readonly writes: WriteBehind;
  readonly tell: Tell;
  readonly busy: (id: string) => boolean;
  readonly corrections: Corrections;
  /** Whether something may be planned once the instance is in sync: what needs it is blocked while it is unknown. */
  readonly awaits: (id: string) => boolean;
  /** Something has to be planned, or put right on a host. */
  readonly wake: (key: "plan" | `correct ${string}`) => void;
  readonly now: () => number;
}

/** Times of automatic corrections within the last hour. */
export interface Corrections {
  recent(id: string): number;
}

/** Judges instances after a new fact, run or commit: notes what is in sync, opens and closes drift alerts, wakes the planner. */
export interface Settle {
  (ids: Iterable<string>): void;
  mode(id: string): DriftMode;
  judgement(id: string): Judgement;
  /** Alerts that are open, by instance. */
  readonly alerts: ReadonlyMap<string, { readonly since: number; readonly mode: DriftMode }>;
  restore(open: Iterable<{ readonly instance: string; readonly since: number; readonly mode: DriftMode }>): void;
  /** Closes the alert of an instance that is no more. */
  close(id: string): void;
}

export function createSettle(options: SettleOptions): Settle {
  const { world, store, writes, tell, now } = options;
  const alerts = new Map<string, { since: number; mode: DriftMode; told: string; named: boolean }>();
  let newlySynced = new Map<string, string>();

  const mode = (id: string): DriftMode => {
    const instance = world.desired.instances.get(id),
      host = world.hosts.get(instance?.host ?? "");
    return instance === undefined || host === undefined
      ? "alert"
      : driftMode(instance.resource.kind, host, world.policies, world.settings.drift.mode, now());
  };
  const judgement = (id: string): Judgement => {
    const instance = world.desired.instances.get(id),
      assessment = world.assessment(id);
    if (instance === undefined || assessment === undefined) return { do: "silence" };
    return judge({
      assessment,
      wanted: world.wanted(instance),
      synced: world.synced.get(id),
      busy: options.busy(id),
      mode: mode(id),
      corrections: options.corrections.recent(id),
      correctionsPerHour: world.settings.drift.correctionsPerHour,
    });
  };
  const settled = (id: string): void => {
    const instance = world.desired.instances.get(id);
    if (instance === undefined) return;
    const digest = world.wanted(instance);
    if (world.synced.get(id) !== digest) {
      world.synced.set(id, digest);
      if (newlySynced.size === 0)
        writes.add(async () => {
          const batch = newlySynced;
          newlySynced = new Map();
          await store.desired
            .setSynced([...batch].map(([instance, d]) => ({ instance, digest: d, at: now() })))
            .catch((failure: unknown) => {
              newlySynced = new Map([...batch, ...newlySynced]);
              throw failure;
            });
        });
      newlySynced.set(id, digest);
    }
    const alert = alerts.get(id);
    if (alert === undefined) return;
    alerts.delete(id);
    const corrected = alert.mode === "correct";
    tell({
      type: "drift.closed",
      about: id,
      host: hostOf(id, world),
      text: `${id} is as the manifests say again${corrected ? ", put back by us" : ""}`,
    });
    writes.add(() => store.alerts.close(id, now(), corrected));
  };
  const close = (id: string): void => {
    if (!alerts.delete(id)) return;
    tell({ type: "drift.closed", about: id, text: `${id} is not in the manifests any more` });
    writes.add(() => store.alerts.close(id, now(), false));
  };
  const drifted = (id: string, correct: boolean, note: string | undefined): void => {
    const assessment = world.assessment(id),
      instance = world.desired.instances.get(id);
    if (instance === undefined || assessment === undefined || (assessment.is !== "differs" && assessment.is !== "blocked")) return;
    const differences = assessment.evaluation?.differences ?? [],
      by = authorOf(world.fact(instance.host, instance.askKey));
    // Who it was is often known a moment later than what it was: an open alert gets its author then.
    const told = canonicalJson({ differences, note, by }),
      known = alerts.get(id);
    if (known?.told === told) return;
    const since = known?.since ?? now(),
      how = correct ? "correct" : "alert";
    alerts.set(id, { since, mode: how, told, named: by !== undefined });
    if (known?.named === false && by !== undefined && note === undefined)
      tell({
        type: "drift.by",
        about: id,
        host: instance.host,
        text: `${id} drifted by ${by.who}: ${by.how}`,
        data: { differences, by, mode: how },
      });
    if (known === undefined || note !== undefined)
      tell({
        type: "drift",
        about: id,
        host: instance.host,
        text: `${id} drifted: ${summary(differences)}${by === undefined ? "" : ` (by ${by.who}: ${by.how})`}${note === undefined ? "" : `; ${note}`}`,
        data: { differences, by, mode: how },
      });
    writes.add(() => store.alerts.open({ instance: id, since, differences, by, mode: how, ...(note === undefined ? {} : { note }) }));
  };
  const settle = (ids: Iterable<string>): void => {
    let plan = false;
    const correct = new Set<string>();
    for (const id of ids) {
      const verdict = judgement(id);
      if (verdict.do === "settle") {
        settled(id);
        plan ||= options.awaits(id);
      } else if (verdict.do === "plan") plan = true;
      else if (verdict.do === "alert") drifted(id, false, verdict.note);
      else if (verdict.do === "correct") {
        drifted(id, true, undefined);
        correct.add(hostOf(id, world) ?? "");
      }
    }
    for (const host of correct) options.wake(`correct ${host}`);
    if (plan) options.wake("plan");
  };
  return Object.assign(settle, {
    mode,
    judgement,
    alerts,
    restore: (open: Iterable<{ instance: string; since: number; mode: DriftMode }>) => {
      for (const alert of open) alerts.set(alert.instance, { since: alert.since, mode: alert.mode, told: "", named: true });
    },
    close,
  });
}

const hostOf = (id: string, world: World): string | undefined => world.desired.instances.get(id)?.host;

const authorOf = (fact: Fact | undefined): Fact["by"] => fact?.by;

/** Differences in a line: `state: observed stopped, wanted running`. */
const summary = (differences: readonly { path: string; want?: unknown; have?: unknown }[]): string =>
  differences
    .map(({ path, want, have }) =>
      want === undefined && have === undefined ? path : `${path}: observed ${short(have)}, wanted ${short(want)}`,
    )
    .join("; ") || "it differs";

const short = (value: unknown): string => {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "none");
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
};
