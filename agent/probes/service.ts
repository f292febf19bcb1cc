import { nearest } from "../../schemas/selector/nearest.ts";
import type { ProbeInput, ProbeOutput } from "../../schemas/verbs/index.ts";
import type { Loads } from "../platform/services/loads.ts";
import type { ServicePlatform } from "../platform/services/platform.ts";
import { whoNamed } from "../platform/who.ts";
import type { Dirty, Watcher } from "../runtime/verbs.ts";

/** Probe `service`: a unit as the init system sees it now. */
export const probeService =
  (services: ServicePlatform, loads: Loads) =>
  async (input: ProbeInput<"service">): Promise<ProbeOutput<"service">> => {
    const reading = await services.read(input.unit, input.dropIns);
    await loads.seen(reading);
    const due = loads.due(input.unit);
    const near = reading.fact.load === "not-found" ? await nearUnit(input.unit, services) : undefined;
    return { ...reading.fact, ...(near === undefined ? {} : { near }), ...(due.length === 0 ? {} : { due }) };
  };

/** What may have been meant by a name that no unit has; nothing where the units cannot be listed. */
async function nearUnit(unit: string, services: ServicePlatform): Promise<string | undefined> {
  const units = await services.list().catch(() => []);
  return nearest(
    unit,
    units.map((one) => one.unit),
  );
}

/** Watches units by the init system's own events; who acted on one is told in a second call, if sudo's log says so. */
export const watchServices =
  (services: ServicePlatform) =>
  async (dirty: Dirty<"service">): Promise<Watcher<"service">> => {
    let inputs: readonly ProbeInput<"service">[] = [];
    /** Names under which events come, for units asked for by an alias. */
    const ids = new Map<string, string>();
    const stop = await services.watch((id) => {
      const touched = id === undefined ? inputs : inputs.filter((input) => input.unit === id || ids.get(input.unit) === id);
      for (const input of touched) dirty(input);
      for (const unit of id === undefined ? [] : new Set(touched.map((input) => input.unit)))
        void whoNamed(unit).then((by) => {
          if (by !== undefined) for (const input of touched) if (input.unit === unit) dirty(input, by);
        });
    });
    return {
      async set(wanted) {
        inputs = wanted;
        const units = new Set(wanted.map((input) => input.unit));
        for (const known of ids.keys()) if (!units.has(known)) ids.delete(known);
        for (const unit of units)
          if (!ids.has(unit))
            ids.set(
              unit,
              await services.read(unit).then(
                (reading) => reading.id,
                () => unit,
              ),
            );
      },
      async close() {
        stop();
      },
    };
  };
