import { askKey } from "../../schemas/canonical.ts";
import type { Ask } from "../../schemas/contract.ts";
import type { FactReport } from "../../schemas/report.ts";
import type { Probing, Reading } from "./probing.ts";

const probeMs = 30_000;

/** Readings of one step: each ask once, until `again`. */
export interface Looker {
  at(ask: Ask): Promise<Reading>;
  again(ask: Ask): Promise<Reading>;
  facts(step: string): FactReport[];
}

/** Starts with nothing read. */
export function looker(probe: Probing): Looker {
  const readings = new Map<string, { ask: Ask; reading: Reading }>();
  const again = async (ask: Ask): Promise<Reading> => {
    const reading = await probe(ask, probeMs);
    readings.set(askKey(ask), { ask, reading });
    return reading;
  };
  return {
    at: async (ask) => readings.get(askKey(ask))?.reading ?? again(ask),
    again,
    facts: (step) => [...readings.values()].map(({ ask, reading }) => reportOf(ask, reading, step)),
  };
}

/** A reading as the fact that is reported of it. */
export const reportOf = (ask: Ask, { at, value, problem }: Reading, step: string): FactReport => ({
  ask,
  at,
  step,
  ...(problem === undefined ? { value } : { problem }),
});
