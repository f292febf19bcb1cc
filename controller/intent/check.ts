import { own } from "./own.ts";
import type { Intent, IntentStep } from "../../schemas/intent.ts";
import { termsOf } from "../../schemas/selector.ts";
import type { Understanding } from "./grammar/interpret.ts";
import { fold, tokenise } from "./grammar/tokens.ts";
import { isExcept } from "./grammar/scope-words.ts";
import { splitCondition } from "./grammar/condition.ts";
import { fleetNames, type Known, pick } from "./known.ts";
import { type Resolved, resolve } from "./resolve.ts";
import { actionNamed, paramsProblem } from "./words/index.ts";

/** What a check found: `repair` can be mended by who made the intent, `ask` needs the person, `refuse` is final. */
export interface Objection {
  readonly weight: "repair" | "ask" | "refuse";
  readonly code: string;
  readonly text: string;
}

export interface CheckInput {
  readonly sentence: string;
  /** Everything that the person said in this conversation, this sentence too. */
  readonly said: readonly string[];
  readonly known: Known;
  readonly within?: readonly string[] | undefined;
  /** What the grammar makes of the same sentence. */
  readonly grammar: Understanding;
  /** Hosts that the person spoke of before untrusted text was read; undefined: nothing was read. */
  readonly named?: ReadonlySet<string> | undefined;
}

export interface CheckedStep {
  readonly step: IntentStep;
  readonly resolved: Resolved;
}

/** Every check that stands between an intent and a manifest, whoever made it. Returns the steps with their hosts, or what is wrong. */
export function check(
  intent: Intent,
  input: CheckInput,
): { readonly steps: readonly CheckedStep[]; readonly objections: readonly Objection[] } {
  const steps: CheckedStep[] = [],
    objections: Objection[] = [];
  for (const [index, step] of intent.steps.entries()) {
    const words = actionNamed(step.action),
      resolved = resolve(step.selector, input.known, input.within);
    if (words === undefined) objections.push(repair("action", `step ${index}: there is no action ${step.action}`));
    else {
      const problem = paramsProblem(words.action, step.params);
      if (problem !== undefined) objections.push(repair("params", `step ${index}: ${problem}`));
    }
    if (step.after.some((before) => before >= index)) objections.push(repair("after", `step ${index}: after may only name earlier steps`));
    if ("problem" in resolved) objections.push(repair("selector", `step ${index}: ${resolved.problem}`));
    else if (words !== undefined) steps.push({ step: { ...step, action: words.action }, resolved });
  }
  if (objections.length > 0) return { steps, objections };
  for (const [index, one] of steps.entries()) objections.push(...checkStep(one, index, intent, input));
  return { steps, objections: [...objections, ...checkWhole(steps, intent, input)] };
}

const repair = (code: string, text: string): Objection => ({ weight: "repair", code, text });

function checkStep({ step, resolved }: CheckedStep, index: number, intent: Intent, input: CheckInput): Objection[] {
  const found: Objection[] = [],
    count = resolved.hosts.length,
    names = resolved.hosts.map(({ name }) => name);
  if (count === 0)
    found.push(
      repair(
        "empty",
        `step ${index}: the selector ${step.selector} picks no host${resolved.unknown.length > 0 ? "; for some it is not known" : ""}`,
      ),
    );
  if (step.expectedCount !== null && input.within === undefined && step.expectedCount !== count)
    found.push(
      repair(
        "count",
        `step ${index}: the selector ${step.selector} picks ${count} hosts (${names.slice(0, 20).join(", ")}), not ${step.expectedCount}`,
      ),
    );
  if (step.expectedCount === null && intent.source === "claude")
    found.push(repair("count", `step ${index}: say how many hosts the selector is meant to pick`));
  found.push(...checkValues(step, index, input), ...checkGrave(step, names, input));
  if (input.named !== undefined) {
    const beyond = names.filter((name) => input.named?.has(name) !== true);
    if (beyond.length > 0)
      found.push({
        weight: "ask",
        code: "tainted",
        text: `Logs or files were read in this conversation. What follows may only touch hosts that you named yourself; ${beyond.slice(0, 10).join(", ")} ${beyond.length === 1 ? "was" : "were"} not. Name ${beyond.length === 1 ? "it" : "them"} to go on.`,
      });
  }
  return found;
}

/** 3. Numbers, versions and domains occur in what the person said. */
function checkValues(step: IntentStep, index: number, { said, known }: CheckInput): Objection[] {
  const all = said.map(fold).join("\n"),
    digits = new Set(all.match(/\d+/g) ?? []);
  return texts(step.params).flatMap(([path, value]) => {
    const folded = fold(value);
    if (all.includes(folded) || own(known.glossary, folded) !== undefined) return [];
    const strange =
      /^([a-z0-9-]+\.)+[a-z]{2,}$/.test(folded) && path !== "service" && path !== "key"
        ? [value]
        : (folded.match(/\d+/g) ?? []).filter((number) => !digits.has(number));
    if (strange.length === 0 || path === "service" || path === "key") return [];
    return [repair("invented", `step ${index}: ${path} is ${value}, but ${strange.join(", ")} is not in the request`)];
  });
}

function texts(value: unknown, path = ""): (readonly [string, string])[] {
  if (typeof value === "string" || typeof value === "number") return [[path, String(value)]];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => texts(inner, path === "" ? key : `${path}.${key}`));
}

/** 4. Destroying or weakening needs a verb that says so, and one named host. */
function checkGrave(step: IntentStep, names: readonly string[], { said }: CheckInput): Objection[] {
  const words = actionNamed(step.action),
    reason = words?.grave?.(step.params);
  if (words === undefined || reason === undefined) return [];
  const last = fold(said.join(" ")),
    verb = [...words.verbs.en, ...words.verbs.de, ...words.verbs.es].some((phrase) =>
      phrase.split(" … ").every((part) => new RegExp(`(?<![\\w-])${part}(?![\\w-])`).test(last)),
    );
  const named = names.length === 1 && last.includes(fold(names[0]!));
  if (verb && named) return [];
  return [
    {
      weight: "refuse",
      code: "grave",
      text: `This is not done by a sentence that leaves anything open, since ${reason}: say it with the verb, for one host by its name${names.length > 1 ? ` (this would be ${names.length} hosts)` : ""}, or edit the manifest.`,
    },
  ];
}

function checkWhole(steps: readonly CheckedStep[], intent: Intent, input: CheckInput): Objection[] {
  const picked = new Set(steps.flatMap(({ resolved }) => resolved.hosts.map(({ name }) => name)));
  return [
    ...checkNames(steps, picked, input),
    ...checkAgreement(steps, picked, intent, input),
    ...checkCondition(intent, input),
    ...checkWidth(steps, picked, input),
  ];
}

/** 1. Names in the sentence are in the resolved set, unless they are left out or only looked at; where only names are given, nothing else is. */
function checkNames(steps: readonly CheckedStep[], picked: ReadonlySet<string>, { sentence, known }: CheckInput): Objection[] {
  const tokens = tokenise(sentence),
    { rest } = splitCondition(tokens, known),
    except = rest.findIndex(({ text }) => isExcept(text) || text === "not");
  const hostsIn = (words: typeof rest): string[] => [...new Set(words.flatMap(({ text }) => fleetNames(known).byName.get(text) ?? []))];
  const inside = hostsIn(except < 0 ? rest : rest.slice(0, except)),
    outside = except < 0 ? [] : hostsIn(rest.slice(except));
  const lost = inside.filter((name) => !picked.has(name) && !outside.includes(name)),
    hit = outside.filter((name) => picked.has(name));
  return [
    ...(lost.length > 0
      ? [
          repair(
            "names",
            `${lost.join(", ")} ${lost.length === 1 ? "is" : "are"} named in the request, but not among the hosts of any step (${steps.map(({ step }) => step.selector).join("; ")})`,
          ),
        ]
      : []),
    ...(hit.length > 0 ? [repair("except", `${hit.join(", ")} ${hit.length === 1 ? "is" : "are"} to be left out, but picked`)] : []),
  ];
}

/** 2. The grammar computes the scope by itself; a disagreement is asked about. */
function checkAgreement(
  steps: readonly CheckedStep[],
  picked: ReadonlySet<string>,
  intent: Intent,
  { grammar, known, within }: CheckInput,
): Objection[] {
  if (intent.source === "offline" || grammar.scopes.length === 0) return [];
  const own = new Set(
    grammar.scopes
      .flatMap(({ selector }) => pick(selector, known).hosts.map(({ name }) => name))
      .filter((name) => within === undefined || within.includes(name)),
  );
  const more = [...picked].filter((name) => !own.has(name)),
    fewer = [...own].filter((name) => !picked.has(name));
  const narrows = fewer.length > 0 && steps.some(({ step }) => step.condition !== undefined || measures(step.selector, known));
  if (more.length === 0 && (fewer.length === 0 || narrows)) return [];
  const say = (names: readonly string[]): string => names.slice(0, 10).join(", ") || "none";
  return [
    {
      weight: "ask",
      code: "scope",
      text: `It is not clear which hosts are meant by "${intent.scopeQuote}": ${say([...picked])}, or ${say([...own])}? Say it with their names or a tag.`,
    },
  ];
}

const measures = (selector: string, known: Known): boolean => {
  const resolved = resolve(selector, known);
  return !("problem" in resolved) && termsOf(resolved.selector).some(({ op }) => op === "measure");
};

/** 6. A condition in the sentence is in the intent. */
function checkCondition(intent: Intent, { sentence, known }: CheckInput): Objection[] {
  const { condition, unclear } = splitCondition(tokenise(sentence), known);
  if (
    (condition === undefined && unclear === undefined) ||
    intent.steps.every((step) => step.condition !== undefined || measures(step.selector, known))
  )
    return [];
  return [repair("condition", "the request has a condition (if, only if), and a step has none")];
}

/** 5. The whole fleet only where the sentence says all of it; and what a policy says is the planner's to hold. */
function checkWidth(steps: readonly CheckedStep[], picked: ReadonlySet<string>, { said, known }: CheckInput): Objection[] {
  const whole = known.hosts.length > 3 && picked.size === known.hosts.length;
  const says = /\b(all|every|each|everywhere|fleet|alle|allen|jede[mnr]?|uberall|tod[oa]s?|cada)\b|\*/.test(fold(said.at(-1) ?? ""));
  if (!whole || says || steps.length === 0) return [];
  return [
    { weight: "ask", code: "width", text: `This would touch all ${picked.size} hosts. Say "all servers" if that is meant, or name them.` },
  ];
}
