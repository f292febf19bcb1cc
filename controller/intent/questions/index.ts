import type { QuestionName } from "../../../schemas/intent.ts";
import { config } from "./config.ts";
import type { Asking } from "./define.ts";
import { diagnose } from "./diagnose.ts";
import { explain } from "./explain.ts";
import { history } from "./history.ts";
import { count, filter, list } from "./list.ts";
import { logs } from "./logs.ts";
import { metrics } from "./metrics.ts";
import { status } from "./status.ts";

/** Every question, in the order in which a sentence is tried: the more particular ones first. */
export const questions: readonly Asking[] = [explain, diagnose, logs, config, history, count, filter, metrics, status, list];

export const questionNamed = (name: QuestionName): Asking | undefined =>
  questions.find(({ ask }) => ask === name) ?? (name === "compare" || name === "advise" ? metrics : undefined);
