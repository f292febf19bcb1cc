import { compileGlob } from "../../schemas/selector/glob.ts";
import type { ProbeInput, ProbeOutput } from "../../schemas/verbs/index.ts";
import type { PackagePlatform } from "../platform/packages/platform.ts";

const most = 5000;

/** Probe `packages`: installed packages whose name matches a glob. */
export const probePackages =
  (packages: PackagePlatform | undefined) =>
  async (input: ProbeInput<"packages">): Promise<ProbeOutput<"packages">> => {
    const matches = compileGlob(input.pattern ?? "*");
    const found = ((await packages?.list()) ?? []).filter(({ name }) => matches(name)).sort((a, b) => (a.name < b.name ? -1 : 1));
    return { packages: found.slice(0, most), truncated: found.length > most };
  };
