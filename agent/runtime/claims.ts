import type { Ask } from "../../schemas/contract.ts";
import type { StepOrder } from "../../schemas/protocol.ts";

type Named = {
  readonly unit?: unknown;
  readonly path?: unknown;
  readonly name?: unknown;
  readonly guest?: unknown;
  readonly from?: unknown;
};

/** The resource whose guest an input is about; undefined where it is about none. */
const guestOf = ({ guest }: Named): string | undefined => (guest as { resource?: string } | undefined)?.resource;
/** What a clone is made of: its storage is locked meanwhile, so clones of one source go one after the other. */
const sourceOf = ({ from }: Named): readonly string[] =>
  from === undefined ? [] : [`source:${typeof from === "number" ? from : (from as { resource?: string }).resource}`];

/** What a step needs for itself alone: its unit, its path, or the package manager. */
export function claimsOf(action: string, input: unknown): readonly string[] {
  const named = (input ?? {}) as Named,
    { unit, path } = named,
    guest = guestOf(named);
  if (guest !== undefined) return [`guest:${guest}`, ...sourceOf(named)];
  if (action.startsWith("package.")) return ["package-manager"];
  if (typeof unit === "string") return [`unit:${unit}`];
  if (typeof path === "string") return [`file:${path}`];
  return [`verb:${action}`];
}

/**
 * Whether what a probe reads may change because of a step: the same unit, path or package; files that wait for the unit
 * (`marked`); what we own; and beside a package its services and other packages.
 */
export function touches(order: Pick<StepOrder, "action" | "input">, marked: ReadonlySet<string>): (ask: Ask) => boolean {
  const { unit, path } = (order.input ?? {}) as Named;
  const packages = order.action.startsWith("package.");
  if (order.action === "agent.update") return (ask) => ask.probe === "agent";
  const guest = guestOf((order.input ?? {}) as Named);
  if (guest !== undefined) return ({ probe, input }) => probe === "guest" && (input as { resource?: string }).resource === guest;
  return (ask) => {
    const input = (ask.input ?? {}) as Named;
    if (ask.probe === "owned") return true;
    if (packages) return ask.probe === "package" || ask.probe === "service";
    if (ask.probe === "service") return unit !== undefined && input.unit === unit;
    if (ask.probe === "file")
      return (path !== undefined && input.path === path) || (typeof input.path === "string" && marked.has(input.path));
    return false;
  };
}
