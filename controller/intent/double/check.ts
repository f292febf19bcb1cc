import { type ApiError, apiError } from "./api-error.ts";
import { messageShapeProblems, systemProblems } from "./block-shapes.ts";
import { saidIn } from "./blocks.ts";
import { bodyProblems, type Terms } from "./body-shape.ts";
import { cacheControlProblems } from "./cache-control.ts";
import { conversationProblems } from "./conversation.ts";
import { modelProblems } from "./model-limits.ts";
import type { ModelCard } from "./models.ts";
import { promptOf, type Segment } from "./prompt.ts";
import type { Fields } from "./shape.ts";
import { type Issued, signatureProblems } from "./signature.ts";
import { strictProblems } from "./strict-schema.ts";
import { toolResultProblems } from "./tool-results.ts";
import { toolChoiceProblems, toolProblems } from "./tools.ts";

/** A body that passed every check. */
export interface Checked {
  readonly body: Fields;
  readonly model: ModelCard;
  readonly segments: readonly Segment[];
}

/** Checks a body by rules 7 to 22 and returns the first error, or the body with what was derived from it. */
export function checkBody(
  body: unknown,
  terms: Terms,
  models: readonly ModelCard[],
  issued: Issued,
): Checked | { readonly error: ApiError } {
  const [malformed] = bodyProblems(body, terms);
  if (malformed !== undefined) return { error: apiError(400, malformed) };
  const fields = body as Fields;
  const model = models.find(({ id, lifecycle }) => id === fields.model && lifecycle !== "retired");
  if (model === undefined) return { error: apiError(404, `model: ${fields.model}`) };
  const [problem] = problems(fields, model, issued);
  return problem === undefined ? { body: fields, model, segments: promptOf(fields) } : { error: apiError(400, problem) };
}

/** Yields problems in the order in which the API finds them. Each check may rely on those before it, so only the first one counts. */
function* problems(body: Fields, model: ModelCard, issued: Issued): Iterable<string> {
  const said = saidIn(body);
  yield* messageShapeProblems(body, said);
  yield* systemProblems(body);
  yield* modelProblems(body, model);
  yield* conversationProblems(said, model);
  yield* toolProblems(body, said);
  yield* toolChoiceProblems(body, model);
  yield* strictProblems(body);
  yield* toolResultProblems(said);
  yield* cacheControlProblems(body, said);
  yield* signatureProblems(model.id, promptOf(body), issued);
}
