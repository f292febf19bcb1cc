import type { ProbeInput, ProbeOutput } from "../../schemas/verbs/index.ts";
import type { ProbeContext } from "../runtime/verbs.ts";

/** Probe `owned`: what the agent set on this host, from its memory. */
export async function probeOwned(_input: ProbeInput<"owned">, context: ProbeContext): Promise<ProbeOutput<"owned">> {
  return { owned: context.memory.owned().toSorted((a, b) => (a.claim < b.claim ? -1 : 1)) };
}
