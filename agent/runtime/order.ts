import { createHash, type KeyObject, verify } from "node:crypto";
import { canonicalJson } from "../../schemas/canonical.ts";
import { error, type Problem } from "../../schemas/problem.ts";
import type { StepOrder } from "../../schemas/protocol.ts";
import { wrongWith } from "./validate.ts";

/** Who may command whom: what an order has to name. */
export interface Addressee {
  readonly agent: string;
  readonly host: string;
  readonly controller: string;
  readonly key: KeyObject;
}

export interface OpenedOrder {
  readonly order: StepOrder;
  /** SHA-256 of what is ordered; the deadline is left out, for the same step sent again has another. */
  readonly digest: string;
}

/** Checks the signature over the order's bytes before anything in it is looked at, then its form and whom it is for. */
export function openOrder(message: { readonly order: string; readonly signature: string }, to: Addressee): OpenedOrder | Problem {
  if (!verify(null, Buffer.from(message.order), to.key, Buffer.from(message.signature, "base64")))
    return error("step/signature", "Unable to accept the step: its signature is not the controller's");
  const order = parse(message.order),
    wrong = wrongWith("answer order", order);
  if (wrong !== undefined) return error("step/form", `Unable to accept the step: ${wrong}`);
  const known = order as StepOrder;
  for (const field of ["controller", "agent", "host"] as const)
    if (known[field] !== to[field])
      return error("step/foreign", `Unable to accept the step: it is for ${field} ${known[field]}, and this is ${to[field]}`);
  const { deadline: _, ...rest } = known;
  return { order: known, digest: createHash("sha256").update(canonicalJson(rest)).digest("hex") };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The step that a message is about, without believing it; undefined where it names none. */
export function stepNamedBy(text: string): string | undefined {
  const step = (parse(text) as { step?: unknown } | undefined)?.step;
  return typeof step === "string" && step !== "" && step.length <= 512 ? step : undefined;
}

/** `Kind/name` that a step works for, from its id `…Kind/name@host#n`. */
export const resourceOf = (step: string): string => /[A-Z][A-Za-z]*\/[a-z0-9][a-z0-9-]*(?=@)/.exec(step)?.[0] ?? step;
