import type { ProbeInput, ProbeOutput } from "../../schemas/verbs/index.ts";
import { type Isolation, validate } from "../platform/validate/run.ts";
import type { ProbeContext } from "../runtime/verbs.ts";

/** Probe `validate`: named checks of candidate files before any of them goes live. */
export const probeValidate =
  (isolation: Isolation) =>
  (input: ProbeInput<"validate">, context: ProbeContext): Promise<ProbeOutput<"validate">> =>
    validate(input, isolation, context.signal);
