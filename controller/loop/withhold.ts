import type { Change, Difference, Expectation, Plan, Step } from "../../schemas/plan.ts";
import type { FileFact } from "../../schemas/verbs/file.ts";
import type { Fact, Instance } from "../core/model.ts";
import { showsText } from "./shown-text.ts";

interface Withheld {
  /** Instances of the plan, as the edits declare them. */
  readonly instance: (id: string) => Instance | undefined;
  /** Specs of the Files that the commit in force declares on a host. */
  readonly inForce: (host: string) => readonly Readonly<Record<string, unknown>>[];
  readonly fact: (instance: Instance) => Fact | undefined;
}

const why = "not shown: no manifest in force shows it, and not everybody on the host may read it";

/**
 * A previewed plan without the texts of files that only the edits would declare and that not everybody on the host may read: the size in
 * their place. The plan's own digest stays the one that the commit will have.
 */
export function withhold(plan: Plan, known: Withheld): Plan {
  const hidden = new Set<string>();
  const hide = (change: Change): Change => {
    const instance = known.instance(change.id);
    if (instance?.resource.kind !== "File") return change;
    const spec = instance.resource.resource.spec as Readonly<Record<string, unknown>>,
      fact = known.fact(instance)?.value as FileFact | undefined;
    if (fact === undefined || fact.type === "missing" || isOpen(fact)) return change;
    const keys = change.differences.flatMap(({ path }) => (path.startsWith("values.") ? [path.slice("values.".length)] : []));
    const whole = change.differences.some(({ path }) => path === "content" || path === "values");
    if (known.inForce(instance.host).some((one) => one["path"] === spec["path"] && showsText(one, whole ? undefined : keys))) return change;
    hidden.add(`${instance.host} ${instance.askKey}`);
    return { ...change, differences: change.differences.map((one) => withoutText(one, fact)), steps: change.steps.map(withoutExpected) };
  };
  const changes = plan.changes.map(hide),
    later = plan.later.map(hide),
    // A digest of the fact is one of the text as well.
    facts = Object.fromEntries(Object.entries(plan.basis.facts).filter(([key]) => !hidden.has(key)));
  return { ...plan, basis: { ...plan.basis, facts }, changes, later };
}

/** Whether anybody on the host can read it: by its mode and by those of the folders above it, and not in somebody's own folder. */
const isOpen = ({ mode, path, closedBy }: FileFact): boolean =>
  mode !== undefined && (Number.parseInt(mode, 8) & 4) !== 0 && closedBy === undefined && !/^\/(root|home)\//.test(path);

/** No digest either: what is in a short file can be guessed by it. */
function withoutText(difference: Difference, { size }: FileFact): Difference {
  const { path, want, diff } = difference;
  if (path === "content")
    return {
      path,
      ...(diff !== undefined || want === undefined ? {} : { want }),
      have: size === undefined ? "another content" : `${size} bytes`,
      note: why,
    };
  if (path === "values") return { path, note: why };
  return path.startsWith("values.") ? { path, ...(want === undefined ? {} : { want }), note: why } : difference;
}

/** Expectations hold what is in the file: single values, or a digest of all. */
function withoutExpected({ expect, goal, ...step }: Step): Step {
  return {
    ...step,
    ...(expect === undefined ? {} : { expect: without(expect, ["values", "sha256"]) }),
    ...(goal === undefined ? {} : { goal: without(goal, ["values"]) }),
  };
}

const without = (expectation: Expectation, hidden: readonly string[]): Expectation =>
  expectation.fields === undefined
    ? expectation
    : { ...expectation, fields: Object.fromEntries(Object.entries(expectation.fields).filter(([field]) => !hidden.includes(field))) };
