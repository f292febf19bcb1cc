import { own } from "../own.ts";
import type Anthropic from "@anthropic-ai/sdk";
import { Ajv2020 } from "ajv/dist/2020.js";
import { Intent, IntentCondition, type IntentRefusal, refusalReasons } from "../../../schemas/intent.ts";
import { actionNamed } from "../words/index.ts";

const ajv = new Ajv2020({ strict: true, allErrors: true, strictTypes: false });
const intentOk = ajv.compile(Intent),
  conditionOk = ajv.compile(IntentCondition);

/** The intent that an ending tool call says, or what is wrong with it, in words that a model can mend it by. */
export function intentOf(
  call: Anthropic.ToolUseBlock,
  taint: readonly string[],
): { readonly intent: Intent } | { readonly problem: string } {
  const make = own(makers, call.name),
    input = (typeof call.input === "object" && call.input !== null ? call.input : {}) as Input;
  const made = make === undefined ? { problem: `there is no tool ${call.name}` } : make(input);
  if ("problem" in made) return made;
  const intent: Intent = {
    steps: [],
    scopeQuote: "",
    ...made.part,
    taint: taint.slice(0, 100).map((one) => one.slice(0, 512)),
    source: "claude",
  };
  return intentOk(intent) ? { intent } : { problem: ajv.errorsText(intentOk.errors, { dataVar: call.name }) };
}

type Input = Readonly<Record<string, unknown>>;
type Made = { readonly part: Pick<Intent, "kind"> & Partial<Intent> } | { readonly problem: string };

const makers: Readonly<Record<string, (input: Input) => Made>> = {
  propose_change(input) {
    const steps: Intent["steps"] = [];
    if (!Array.isArray(input["steps"]) || input["steps"].length === 0) return { problem: "steps: at least one is needed" };
    for (const [index, raw] of (input["steps"] as Input[]).entries()) {
      const step = stepOf(raw);
      if ("problem" in step) return { problem: `steps[${index}]: ${step.problem}` };
      steps.push(step.step);
    }
    return { part: { kind: "change", steps, scopeQuote: String(input["scope_quote"] ?? "").slice(0, 1000) } };
  },
  ask_clarification(input) {
    const candidates = (Array.isArray(input["candidates"]) ? input["candidates"] : [])
      .slice(0, 20)
      .map((one) => ({ label: String(one).slice(0, 512), means: String(one).slice(0, 4096) }));
    return { part: { kind: "clarify", question: { text: String(input["question"] ?? "").slice(0, 2000), candidates } } };
  },
  cannot_do(input) {
    const said = String(input["reason"] ?? "").toLowerCase(),
      reason = (refusalReasons as readonly string[]).includes(said) ? (said as IntentRefusal["reason"]) : "unsupported";
    return { part: { kind: "refuse", refusal: { reason, text: String(input["text"] ?? "").slice(0, 2000) } } };
  },
};

/** One step; the action's name in whatever case, parameters and condition out of their JSON texts. */
function stepOf(raw: Input): { readonly step: Intent["steps"][number] } | { readonly problem: string } {
  const action = actionNamed(String(raw["action"] ?? "")),
    params = jsonOf(raw["params"], "params"),
    condition = raw["condition"] === "" || raw["condition"] === undefined ? undefined : jsonOf(raw["condition"], "condition");
  if (action === undefined) return { problem: `there is no action ${String(raw["action"])}` };
  if (typeof params === "string") return { problem: params };
  if (typeof condition === "string") return { problem: condition };
  if (condition !== undefined && !conditionOk(condition)) return { problem: ajv.errorsText(conditionOk.errors, { dataVar: "condition" }) };
  const after = Array.isArray(raw["after"]) ? raw["after"].map(Number) : [];
  return {
    step: {
      action: action.action,
      selector: String(raw["selector"] ?? ""),
      expectedCount: Number.isInteger(raw["expected_count"]) ? Number(raw["expected_count"]) : null,
      params,
      ...(condition === undefined ? {} : { condition: condition as IntentCondition }),
      after,
    },
  };
}

function jsonOf(text: unknown, what: string): Record<string, unknown> | string {
  if (typeof text === "object" && text !== null && !Array.isArray(text)) return text as Record<string, unknown>;
  try {
    const value: unknown = JSON.parse(String(text));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : `${what} has to be one JSON object`;
  } catch {
    return `${what} is not valid JSON`;
  }
}
