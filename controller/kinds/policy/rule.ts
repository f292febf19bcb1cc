import { durationMs } from "../../../schemas/manifest.ts";
import { compileSelector, parseSelector } from "../../../schemas/selector.ts";
import { selectorHost } from "../../core/inventory.ts";
import type { LoadedResource, PolicyRule } from "../../core/model.ts";
import type { PolicySpec } from "./spec.ts";

/** A loaded `Policy` as the planner uses it. A host of which too little is known to tell counts as picked: policies guard. */
export function policyRule(loaded: LoadedResource): PolicyRule {
  const spec = loaded.resource.spec as PolicySpec,
    parsed = parseSelector(spec.on, { stableOnly: true });
  if (!parsed.ok) throw new TypeError(`an unchecked selector reached the planner: ${spec.on}`);
  const picks = compileSelector(parsed.selector);
  return {
    name: loaded.name,
    hosts: (host) => picks(selectorHost(host)) !== false,
    kinds: spec.kinds,
    approval: approvalOf(spec),
    windows: spec.windows?.map(({ cron, duration, timezone }) => ({ cron, durationMs: durationMs(duration), timezone: timezone ?? "UTC" })),
    freeze:
      spec.freeze === undefined
        ? undefined
        : { from: timeOf(spec.freeze.from), until: timeOf(spec.freeze.until), reason: spec.freeze.reason },
    limits: limitsOf(spec),
    protected: spec.protected,
    prune: spec.prune,
    drift: spec.drift === undefined ? undefined : { mode: spec.drift.mode, until: timeOf(spec.drift.until) },
  };
}

function approvalOf({ approval }: PolicySpec): PolicyRule["approval"] {
  if (approval === undefined) return undefined;
  const { from, by, notRequester } = approval;
  return { from: from === "never" ? "critical" : from, ...(from === "never" ? { never: true } : {}), by, notRequester, run: "below" };
}

function limitsOf({ limits }: PolicySpec): PolicyRule["limits"] {
  if (limits === undefined) return undefined;
  const { within, ...most } = limits;
  return { ...most, withinMs: within === undefined ? 86_400_000 : durationMs(within) };
}

const timeOf = (text: string | undefined): number | undefined => (text === undefined ? undefined : Date.parse(text));
