import { act, ask } from "../../../schemas/contract.ts";
import { durationMs } from "../../../schemas/manifest.ts";
import type { Difference } from "../../../schemas/plan.ts";
import { type AgentRelease, compareVersions } from "../../../schemas/release.ts";
import { type AgentFact, agentProbe, agentUpdate } from "../../../schemas/verbs/agent.ts";
import type { KindContext, PlannedStep } from "../../core/model.ts";
import { defineKind, type Finding } from "../define.ts";
import { blockedPlacement } from "./blocked.ts";
import { AgentPlacementSpec } from "./spec.ts";
import { releaseOf, wantedVersion } from "./wanted.ts";

/** What fetching a release may take at most, beside the time in which the new version has to report in. */
const fetchMs = 1_200_000;
const usualSeconds = 120;
const about = ask(agentProbe, {});

/** Which hosts carry an agent, and which version. */
export const agentPlacement = defineKind({
  kind: "AgentPlacement",
  summary: "Which hosts carry an agent, of which version, and how new versions are rolled out",
  spec: AgentPlacementSpec,
  probe: agentProbe,
  check: checkPlacement,
  claims: () => ["agent:version"],
  observe: () => about,
  wantedBeside: ({ version }, host) => (version === "latest" ? host.agent?.releases?.[0]?.version : undefined),
  changing: (fact) => (fact.changing === true ? `version ${fact.pending ?? ""} is on trial` : undefined),
  blocked: blockedPlacement,
  diff: diffPlacement,
  steps: updateSteps,
  act: (spec) => (spec.state === "absent" ? "delete" : "upgrade"),
  consequence: () => "restart",
  undo: (spec, fact) =>
    spec.state === "absent"
      ? { how: "impossible", note: "an agent that is gone has to be installed again" }
      : { how: "possible", note: `updates back to ${fact.version}, if the controller still has it` },
  describe(spec, fact, differences) {
    if (spec.state === "absent") return "remove the agent";
    const want = String(differences[0]?.want);
    return `${compareVersions(want, fact.version) < 0 ? "take the agent back" : "update the agent"} ${fact.version} -> ${want}`;
  },
  // One host first, whatever is asked for: a version that does not work shall reach no second one.
  rollout: ({ rollout }) => ({ canary: 1, maxUnavailable: "25%", onFailure: "halt", ...rollout }),
  countsDown: false,
  prune: () => ({ steps: [], reason: "an agent stays in its version" }),
  stateWord: (fact) => (fact.state === "trial" ? "trial" : "running"),
  describeFact: () => undefined,
  revert: (spec, fact) => (spec.state === "absent" ? { state: null } : { version: fact.version }),
});

function checkPlacement(spec: AgentPlacementSpec): Finding[] {
  const found: Finding[] = [];
  if (spec.state === "absent" && (spec.version !== undefined || spec.retriedAt !== undefined))
    found.push({
      path: spec.version === undefined ? "retriedAt" : "version",
      code: "manifest/contradiction",
      summary: "An absent agent has no version",
      hint: "Remove it, or say state: present.",
    });
  const withinMs = spec.within === undefined ? undefined : durationMs(spec.within);
  if (withinMs !== undefined && (withinMs < 10_000 || withinMs > 3_600_000))
    found.push({
      path: "within",
      code: "manifest/range",
      summary: `A new version may take from 10s to 1h to report in, and not ${spec.within}`,
      hint: "Such as within: 2m.",
    });
  return found;
}

function diffPlacement(spec: AgentPlacementSpec, fact: AgentFact, context: KindContext): Difference[] {
  if (spec.state === "absent") return [{ path: "state", want: "absent", have: "present", note: `version ${fact.version}` }];
  const want = wantedVersion(spec, fact, context);
  if (want === undefined) return [];
  return [
    { path: "version", want, have: fact.version, ...(spec.version === "latest" ? { note: "the newest that the controller has" } : {}) },
  ];
}

/** One step: from this version to that one. Where the controller lacks the release there is none, and the instance is blocked. */
function updateSteps(spec: AgentPlacementSpec, fact: AgentFact, _: readonly Difference[], context: KindContext): PlannedStep[] {
  const release = spec.state === "absent" ? undefined : releaseOf(wantedVersion(spec, fact, context), fact, context);
  if (release === undefined) return [];
  const back = releaseOf(fact.version, fact, context),
    withinSeconds = spec.within === undefined ? usualSeconds : Math.ceil(durationMs(spec.within) / 1000);
  const update = (to: AgentRelease) => act(agentUpdate, { ...to, withinSeconds });
  return [
    {
      ...update(release),
      expect: { ask: about, fields: { version: fact.version } },
      goal: { ask: about, fields: { version: release.version, state: "steady" } },
      undo: back === undefined ? null : update(back),
      // Three starts, each of which may use up its time.
      timeoutMs: fetchMs + 3 * withinSeconds * 1000,
    },
  ];
}
