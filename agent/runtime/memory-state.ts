import type { Clock } from "./clock.ts";
import type { Backup, Mark, Memory, RememberedStep } from "./memory.ts";
import type { Owned } from "../../schemas/verbs/host.ts";

/** What the memory's file holds. */
export interface MemoryFile {
  readonly version: 1;
  readonly steps: readonly RememberedStep[];
  readonly owned: readonly Owned[];
  readonly marks: readonly Mark[];
  readonly backups: readonly Backup[];
  readonly upgrades: readonly (readonly [string, number])[];
  readonly horizon?: number;
}

export const emptyMemory: MemoryFile = { version: 1, steps: [], owned: [], marks: [], backups: [], upgrades: [] };

/** Done steps are kept this long, and at most so many. */
export const stepAge = 7 * 86_400_000;
export const stepCount = 10_000;

/** The rules of a memory over its state; `save` resolves once the state as it is now is kept. */
export function memoryOver(start: MemoryFile, clock: Clock, save: (snapshot: () => MemoryFile) => Promise<void>): Memory {
  const steps = new Map(start.steps.map((step) => [step.step, step]));
  const owned = new Map(start.owned.map((one) => [one.claim, one]));
  const upgrades = new Map(start.upgrades);
  let marks = [...start.marks],
    backups = [...start.backups],
    horizon = start.horizon ?? 0;
  const snapshot = (): MemoryFile => ({
    version: 1,
    steps: [...steps.values()],
    owned: [...owned.values()],
    marks,
    backups,
    upgrades: [...upgrades],
    horizon,
  });
  const keep = () => save(snapshot);
  const unmark = async (gone: readonly Mark[]): Promise<readonly string[]> => {
    if (gone.length === 0) return [];
    marks = marks.filter((mark) => !gone.includes(mark));
    await keep();
    return [...new Set(gone.map((mark) => mark.path))];
  };
  return {
    step: (id) => steps.get(id),
    async startStep(step) {
      const before = steps.get(step.step);
      horizon = Math.max(horizon, forget(steps, clock.now()));
      steps.set(step.step, step);
      try {
        await keep();
      } catch (failure) {
        if (before === undefined) steps.delete(step.step);
        else steps.set(step.step, before);
        throw failure;
      }
    },
    async finishStep(id, result) {
      const step = steps.get(id);
      if (step === undefined) throw new TypeError(`finishStep: ${id} was not started`);
      steps.set(id, { step: id, orderDigest: step.orderDigest, startedAt: step.startedAt, deadline: step.deadline, result });
      await keep();
    },
    async ackStep(id) {
      const step = steps.get(id);
      if (step?.result === undefined || step.acked === true) return;
      const { output: _, ...result } = step.result;
      steps.set(id, { ...step, result, acked: true });
      await keep();
    },
    unackedSteps: () => [...steps.values()].filter((step) => step.result !== undefined && step.acked !== true),
    unfinishedSteps: () => [...steps.values()].filter((step) => step.result === undefined),
    horizon: () => horizon,
    owned: () => [...owned.values()],
    own(one) {
      owned.set(one.claim, one);
      return keep();
    },
    disown(claim) {
      return owned.delete(claim) ? keep() : Promise.resolve();
    },
    marks: () => marks,
    mark(path, units) {
      const at = clock.now();
      marks = [...marks.filter((mark) => mark.path !== path || !units.includes(mark.unit)), ...units.map((unit) => ({ path, unit, at }))];
      return units.length > 0 ? keep() : Promise.resolve();
    },
    unmark: (unit, loaded, started = loaded) =>
      unmark(marks.filter((mark) => mark.unit === unit && mark.at <= (mark.path.startsWith("/") ? loaded : started))),
    forgetMarks: (these) => unmark(marks.filter((mark) => these.includes(mark))),
    backups: (path) => backups.filter((backup) => backup.path === path),
    async addBackup(backup, count) {
      const same = [...backups.filter((other) => other.path === backup.path && other.step !== backup.step), backup];
      const kept = count > 0 ? same.slice(-count) : [];
      const dropped = backups.filter((other) => other.path === backup.path && !kept.includes(other));
      backups = [...backups.filter((other) => other.path !== backup.path), ...kept];
      await keep();
      return count > 0 ? dropped : [...dropped, backup];
    },
    upgradedAt: (name) => upgrades.get(name),
    rememberUpgrade(name, at) {
      upgrades.set(name, at);
      return keep();
    },
    flush: keep,
  };
}

/** Lets go of results that are old or too many, acknowledged ones alone; the Map is in the order of starting. Answers the latest deadline of those. */
function forget(steps: Map<string, RememberedStep>, now: number): number {
  let latest = 0;
  for (const [id, step] of steps) {
    const old = step.startedAt < now - stepAge;
    if (!old && steps.size <= stepCount) break;
    if (step.acked !== true && !(old && step.result === undefined)) continue;
    steps.delete(id);
    latest = Math.max(latest, step.deadline ?? 0);
  }
  return latest;
}
