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
 * A previewed plan without the texts of files that only the edits would declare and that not everybody on the host may read: digest and size in
 * their place. The plan's own digest stays the one that the commit will have.
 */
export function withhold(plan: Plan, known: Withheld): Plan {
  const hide = (change: Change): Change => {
    const instance = known.instance(change.id);
    if (instance?.resource.kind !== "File") return change;
    const spec = instance.resource.resource.spec as Readonly<Record<string, unknown>>,
      fact = known.fact(instance)?.value as FileFact | undefined;
    if (fact === undefined || fact.type === "missing" || isOpen(fact)) return change;
    const keys = change.differences.flatMap(({ path }) => (path.startsWith("values.") ? [path.slice("values.".length)] : []));
    const whole = change.differences.some(({ path }) => path === "content" || path === "values");
    if (known.inForce(instance.host).some((one) => one["path"] === spec["path"] && showsText(one, whole ? undefined : keys))) return change;
    return { ...change, differences: change.differences.map((one) => withoutText(one, fact)), steps: change.steps.map(withoutValues) };
  };
  return { ...plan, changes: plan.changes.map(hide), later: plan.later.map(hide) };
}

/** Whether anybody on the host can read it: by its mode, and not in somebody's own folder. */
const isOpen = ({ mode, path }: FileFact): boolean =>
  mode !== undefined && (Number.parseInt(mode, 8) & 4) !== 0 && !/^\/(root|home)\//.test(path);

function withoutText(difference: Difference, { sha256, size }: FileFact): Difference {
  const { path, want } = difference;
  if (path === "content" && difference.diff !== undefined)
    return { path, have: [`sha256 ${sha256 ?? "unknown"}`, ...(size === undefined ? [] : [`${size} bytes`])].join(", "), note: why };
  if (path === "values") return { path, note: why };
  return path.startsWith("values.") ? { path, ...(want === undefined ? {} : { want }), note: why } : difference;
}

/** Expectations of single values hold what is in the file. */
function withoutValues({ expect, goal, ...step }: Step): Step {
  return { ...step, ...(expect === undefined ? {} : { expect: without(expect) }), ...(goal === undefined ? {} : { goal: without(goal) }) };
}

function without(expectation: Expectation): Expectation {
  if (expectation.fields?.["values"] === undefined) return expectation;
  const { values: _, ...fields } = expectation.fields;
  return { ...expectation, fields };
}
