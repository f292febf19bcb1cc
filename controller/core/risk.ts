import { consequences } from "../../schemas/contract.ts";
import { type Approval, type Change, type Risk, risks } from "../../schemas/plan.ts";
import type { Static } from "typebox";
import type { Draft } from "./changes.ts";
import type { HostView, PolicyRule } from "./model.ts";
import type { Settings } from "./settings-defaults.ts";

/** The higher of two risks. */
export const higher = (a: Risk, b: Risk): Risk => (risks.indexOf(a) >= risks.indexOf(b) ? a : b);

/** Whether a risk reaches a level. */
export const reaches = (risk: Risk, level: Risk): boolean => risks.indexOf(risk) >= risks.indexOf(level);

export interface RiskInput {
  readonly hosts: ReadonlyMap<string, HostView>;
  readonly policies: readonly PolicyRule[];
  /** Instances that were in sync at some time: a host's first match is riskier than a repeat. */
  readonly known: (id: string) => boolean;
  /** Whether untrusted text had a say in what a change brings about. */
  readonly tainted?: ((change: Pick<Change, "id" | "resource">) => boolean) | undefined;
}

/** The policies that speak about a change: by its host and its kind. */
export function policiesFor(change: Pick<Change, "resource" | "host">, input: Pick<RiskInput, "hosts" | "policies">): PolicyRule[] {
  const host = input.hosts.get(change.host),
    kind = change.resource.slice(0, change.resource.indexOf("/"));
  if (host === undefined) return [];
  return input.policies.filter((policy) => policy.hosts(host) && (policy.kinds === undefined || policy.kinds.includes(kind)));
}

/** Computes each change's risk with its reasons from consequence, count, tags, taint and policy; a policy can only raise it. */
export function withRisk(drafts: readonly Draft[], input: RiskInput): Change[] {
  const hostsOf = new Map<string, Set<string>>();
  for (const draft of drafts) {
    const hosts = hostsOf.get(draft.resource) ?? new Set();
    hosts.add(draft.host);
    hostsOf.set(draft.resource, hosts);
  }
  return drafts.map((draft) => ({ ...draft, ...riskOf(draft, hostsOf.get(draft.resource)?.size ?? 1, input) }));
}

function riskOf(draft: Draft, hosts: number, input: RiskInput): { risk: Risk; reasons: string[]; tainted?: true } {
  let risk: Risk = "low";
  const reasons: string[] = [];
  const raise = (to: Risk, reason: string): void => {
    if (to !== "low") reasons.push(reason);
    risk = higher(risk, to);
  };
  const grave = consequences.indexOf(draft.consequence);
  if (grave >= consequences.indexOf("recreate")) raise("critical", draft.consequence);
  else if (draft.consequence === "reboot") raise("high", "reboot");
  else if (draft.consequence === "restart") raise("medium", "restart");
  if (hosts > 1) raise("medium", `${hosts} hosts`);
  if (draft.act === "delete") raise("medium", "removes something");
  if (!input.known(draft.id) && draft.differences.length > 0) raise("medium", "first change of this resource on this host");
  for (const tag of input.hosts.get(draft.host)?.tags ?? []) if (tag === "production" || tag === "critical") raise("high", `tag ${tag}`);
  for (const policy of policiesFor(draft, input)) if (policy.protected === true) raise("critical", `protected by Policy/${policy.name}`);
  const tainted = input.tainted?.(draft) === true;
  if (tainted) raise("high", "asked for after logs or files of hosts were read");
  return { risk, reasons, ...(tainted ? { tainted } : {}) };
}

/** Whether a plan needs a yes: where no policy speaks, from the risk that the settings name (medium); the strictest policy that speaks about one of its changes decides. What is tainted needs a person, whatever settings and policies say. */
export function approvalFor(
  changes: readonly Change[],
  input: Pick<RiskInput, "hosts" | "policies"> & { readonly approval: Settings["approval"] },
): Static<typeof Approval> {
  const reasons = new Set<string>();
  let by: string | undefined,
    notRequester = false,
    needed = false;
  for (const change of changes) {
    const rules = policiesFor(change, input).filter((policy) => policy.approval !== undefined);
    const asking = rules.filter((rule) => rule.approval?.never !== true);
    const tainted = change.tainted === true;
    if (rules.length > 0 && asking.length === 0 && !tainted) continue;
    const from =
      asking.length === 0
        ? input.approval.from
        : asking.map((rule) => rule.approval?.from ?? "medium").reduce((a, b) => (risks.indexOf(a) <= risks.indexOf(b) ? a : b));
    if (!reaches(change.risk, from) && !tainted) continue;
    needed = true;
    reasons.add(`${change.risk}: ${change.reasons.join(", ") || change.consequence}`);
    if (asking.length === 0 && input.approval.notRequester) notRequester = true;
    for (const rule of asking) {
      by = narrower(by, rule.approval?.by);
      if (rule.approval?.notRequester === true) notRequester = true;
    }
  }
  return { needed, reasons: [...reasons].sort(), ...(by === undefined ? {} : { by }), ...(notRequester ? { notRequester } : {}) };
}

const roles: readonly (string | undefined)[] = [undefined, "viewer", "operator", "approver", "admin"];
const narrowness = (by: string | undefined): number => (roles.includes(by) ? roles.indexOf(by) : roles.length);

/** Of two that policies ask for, the one that fewer people are: a person before a role, a higher role before a lower one. */
const narrower = (a: string | undefined, b: string | undefined): string | undefined => {
  if (narrowness(a) !== narrowness(b)) return narrowness(a) > narrowness(b) ? a : b;
  return a !== undefined && b !== undefined && b < a ? b : a;
};

/** The graver end of a plan; null where there is nothing to do. */
export const planRisk = (changes: readonly Change[]): Risk | null =>
  changes.reduce<Risk | null>((risk, change) => (risk === null ? change.risk : higher(risk, change.risk)), null);
