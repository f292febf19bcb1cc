import type { ModelCard } from "./models.ts";
import { type Fields, isFields, shapeProblems } from "./shape.ts";

const EFFORTS = ["low", "medium", "high", "xhigh", "max"];
const LEAST_BUDGET = 1_024;

/** Yields what a model does not accept about lengths, thinking and effort (rules 9 and 20). */
export function* modelProblems(body: Fields, model: ModelCard): Iterable<string> {
  yield* lengthProblems(body, model);
  if (isFields(body.thinking)) yield* thinkingProblems(body, body.thinking, model);
  const effort = isFields(body.output_config) ? (body.output_config.effort ?? undefined) : undefined;
  if (effort !== undefined && !EFFORTS.includes(String(effort))) yield `output_config.effort: Input should be one of ${EFFORTS.join(", ")}`;
  if (effort !== undefined && !model.effort) yield "output_config.effort: This model does not support the effort parameter.";
}

function* lengthProblems(body: Fields, model: ModelCard): Iterable<string> {
  if (body.max_tokens === undefined) return;
  const most = Number(body.max_tokens);
  if (most < 0) yield "max_tokens: Input should be greater than or equal to 0";
  if (most > model.maxTokens) yield `max_tokens: ${most} > ${model.maxTokens}, which is the maximum allowed for ${model.id}`;
  if (most === 0) yield* warmingProblems(body);
}

function* warmingProblems(body: Fields): Iterable<string> {
  const at = "max_tokens: 0 is not permitted with";
  if (body.stream === true) yield `${at} stream`;
  if (isFields(body.thinking) && body.thinking.type === "enabled") yield `${at} thinking.type enabled`;
  if (isFields(body.output_config) && isFields(body.output_config.format)) yield `${at} output_config.format`;
  if (isFields(body.tool_choice) && ["any", "tool"].includes(String(body.tool_choice.type))) yield `${at} a forced tool_choice`;
}

function* thinkingProblems(body: Fields, thinking: Fields, model: ModelCard): Iterable<string> {
  const type = String(thinking.type);
  if (!(model.thinking as readonly string[]).includes(type)) return yield `thinking.type: "${type}" is not supported for this model.`;
  if (type === "adaptive") yield* shapeProblems("thinking.adaptive", thinking, { type: "string", "display?": "string|null" });
  else if (type !== "enabled") yield* shapeProblems(`thinking.${type}`, thinking, { type: "string" });
  else yield* budgetProblems(body, thinking);
  if (!["summarized", "omitted"].includes(String(thinking.display ?? "omitted")))
    yield "thinking.display: Input should be 'summarized' or 'omitted'";
}

function* budgetProblems(body: Fields, thinking: Fields): Iterable<string> {
  yield* shapeProblems("thinking.enabled", thinking, { type: "string", budget_tokens: "integer", "display?": "string|null" });
  if (Number(thinking.budget_tokens) < LEAST_BUDGET) yield `thinking.enabled.budget_tokens: Input should be at least ${LEAST_BUDGET}`;
  if (body.max_tokens !== undefined && Number(thinking.budget_tokens) >= Number(body.max_tokens))
    yield "`max_tokens` must be greater than `thinking.budget_tokens`";
}
