import { compileGlob } from "../../schemas/selector/glob.ts";
import type { ProbeInput, ProbeOutput } from "../../schemas/verbs/index.ts";
import type { ServicePlatform } from "../platform/services/platform.ts";

const most = 2000;

/** Probe `services`: units whose name matches a glob; services alone where none is given. */
export const probeServices =
  (services: ServicePlatform) =>
  async (input: ProbeInput<"services">): Promise<ProbeOutput<"services">> => {
    const matches = compileGlob(input.pattern ?? "*.service");
    const units = (await services.list()).filter(({ unit }) => matches(unit) || matches(unit.replace(/\.service$/, "")));
    return { units: units.slice(0, most), truncated: units.length > most };
  };
