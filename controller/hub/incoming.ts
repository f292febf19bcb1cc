import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import type { TSchema } from "typebox";
import { error, type Problem } from "../../schemas/problem.ts";
import { type AgentMessage, Answer, Hello, Pong, ProblemMessage, Progress, Renewal, Report, Result } from "../../schemas/protocol.ts";

/** A message that can be used, or why it cannot. `kind` unknown: of a type that this version does not have, which breaks no rule. */
export type Incoming = { readonly message: AgentMessage } | { readonly problem: Problem; readonly kind: "broken" | "unknown" };

/** Deepest nesting of a message: JSON.parse takes any depth, what works on the value later does not. */
const maxDepth = 64;

const ajv = new Ajv2020({ strict: true, strictTypes: false });
const schemas: Readonly<Record<string, TSchema>> = {
  hello: Hello,
  report: Report,
  progress: Progress,
  result: Result,
  answer: Answer,
  renewal: Renewal,
  pong: Pong,
  problem: ProblemMessage,
};
/** Compiled once for the process. */
const validators = new Map<string, ValidateFunction>(Object.entries(schemas).map(([type, schema]) => [type, ajv.compile(schema)]));

/** Reads one message of an agent; never throws. */
export function readIncoming(text: string): Incoming {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return broken("protocol/malformed", "Unable to read the message: it is not JSON");
  }
  const type = (value as { type?: unknown } | null)?.type;
  if (typeof type !== "string") return broken("protocol/malformed", "Unable to read the message: it has no type");
  const validate = validators.get(type);
  if (validate === undefined)
    return {
      problem: error("protocol/unknown-type", `Unable to use the message: there is no type ${JSON.stringify(type.slice(0, 64))}`),
      kind: "unknown",
    };
  if (!validate(value))
    return broken("protocol/invalid", `Unable to use the message: ${ajv.errorsText(validate.errors, { dataVar: type }).slice(0, 500)}`);
  if (deeperThan(value, maxDepth))
    return broken("protocol/invalid", `Unable to use the message: it is nested deeper than ${maxDepth} levels`);
  return { message: value as AgentMessage };
}

/** The protocol number of a hello of whatever version; undefined where the text is none. */
export function helloProtocol(text: string): number | undefined {
  try {
    const { type, protocol } = JSON.parse(text) as { type?: unknown; protocol?: unknown };
    return type === "hello" && typeof protocol === "number" ? protocol : undefined;
  } catch {
    return undefined;
  }
}

const broken = (code: string, summary: string): Incoming => ({ problem: error(code, summary), kind: "broken" });

function deeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  for (const key in value) if (deeperThan((value as Record<string, unknown>)[key], levels - 1)) return true;
  return false;
}
