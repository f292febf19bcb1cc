import type { Difference } from "../../../schemas/plan.ts";
import { compileGlob } from "../../../schemas/selector/glob.ts";
import type { PackageFact } from "../../../schemas/verbs/package.ts";
import type { KindContext } from "../../core/model.ts";
import type { PackageSpec } from "./spec.ts";

/** Whether a version is the wanted one, or matches the wanted glob. */
export const matchesVersion = (wanted: string, version: string | undefined): boolean =>
  version !== undefined && (wanted.includes("*") ? compileGlob(wanted)(version) : wanted === version);

/** What differs: presence (a half-configured package counts as not there), version, moment of the last upgrade. */
export function diffPackage(spec: PackageSpec, fact: PackageFact, context: KindContext): Difference[] {
  const have = fact.broken === true ? "broken" : fact.installed ? "present" : "absent";
  if (spec.state === "absent")
    return fact.installed || fact.broken === true ? [{ path: "state", want: "absent", have, ...versionNote(fact) }] : [];
  if (have !== "present")
    return [{ path: "state", want: "present", have, ...(spec.version === undefined ? {} : { note: `version ${spec.version}` }) }];
  const found: Difference[] = [];
  if (spec.version !== undefined && !matchesVersion(spec.version, fact.version))
    found.push({ path: "version", want: spec.version, have: fact.version ?? "unknown" });
  const upgrade = upgradeDifference(spec, fact, context);
  return upgrade === undefined ? found : [...found, upgrade];
}

const versionNote = ({ version }: PackageFact): { note?: string } => (version === undefined ? {} : { note: `version ${version}` });

function upgradeDifference(spec: PackageSpec, fact: PackageFact, context: KindContext): Difference | undefined {
  if (spec.upgradedAt === undefined) return undefined;
  const wanted = Date.parse(spec.upgradedAt),
    done = fact.upgradedAt === undefined ? undefined : fact.upgradedAt + context.host.clockOffset;
  if ((done !== undefined && done >= wanted) || (context.now !== undefined && wanted > context.now)) return undefined;
  const note =
    fact.candidate === undefined || fact.candidate === fact.version
      ? "no newer version is known yet; the lists are refreshed first"
      : `${fact.version} -> ${fact.candidate} or newer`;
  return { path: "upgradedAt", want: spec.upgradedAt, ...(done === undefined ? {} : { have: new Date(done).toISOString() }), note };
}
