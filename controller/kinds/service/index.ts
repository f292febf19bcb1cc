import { durationMs, type Health } from "../../../schemas/manifest.ts";
import type { HealthCheck } from "../../../schemas/verbs/health.ts";
import { type ServiceFact, serviceProbe } from "../../../schemas/verbs/service.ts";
import type { Difference } from "../../../schemas/plan.ts";
import type { KindContext } from "../../core/model.ts";
import { defineKind, type Finding } from "../define.ts";
import { pruneService } from "./prune.ts";
import { diffService, unitState } from "./diff.ts";
import { fullUnit, goalOf, ServiceSpec, unitOf } from "./spec.ts";
import { askService, dropInNames, serviceSteps } from "./steps.ts";
import { describeService, serviceAct, serviceConsequence, serviceUndo } from "./words.ts";

/** A unit that runs or not, starts at boot or not, and was restarted after a moment or not; what is not said is left alone. */
export const service = defineKind({
  kind: "Service",
  summary: "A unit's state, start at boot, restart moment, drop-ins and health",
  spec: ServiceSpec,
  probe: serviceProbe,
  complete: (spec, name) => ({ ...spec, unit: fullUnit(spec.unit ?? name) }),
  check: checkService,
  claims: (spec) => [`unit:${unitOf(spec)}`],
  observe: (spec) => askService(spec),
  changing(fact) {
    const state = unitState(fact);
    if (state === "starting" || state === "stopping") return `${fact.unit} is ${state}`;
    return fact.changing === true ? `a job is queued for ${fact.unit}` : undefined;
  },
  blocked: (spec, fact, context) => blockedService(spec, fact, diffService(spec, fact, context), context),
  diff: diffService,
  steps: (spec, fact, differences) => serviceSteps(spec, fact, differences),
  act: serviceAct,
  consequence: serviceConsequence,
  undo: serviceUndo,
  describe: describeService,
  health: (spec) => (spec.health === undefined || goalOf(spec).active === false ? [] : healthChecks(spec.health, unitOf(spec))),
  rollout: (spec) => spec.rollout,
  prune: pruneService,
  stateWord: (fact) => (fact.load === "not-found" ? "absent" : unitState(fact)),
  describeFact: describeServiceFact,
  revert: revertService,
});

function checkService(spec: ServiceSpec): Finding[] {
  const found: Finding[] = [],
    { health } = spec;
  if (spec.restartedAt !== undefined && Number.isNaN(Date.parse(spec.restartedAt)))
    found.push({
      path: "restartedAt",
      code: "manifest/bad-time",
      summary: `"${spec.restartedAt}" is not a moment that exists`,
      hint: "Write it as 2026-11-20T10:00:00Z.",
    });
  if (spec.state === "stopped" && spec.restartedAt !== undefined)
    found.push({
      path: "restartedAt",
      code: "manifest/contradiction",
      summary: "A stopped unit cannot be restarted",
      hint: "Remove restartedAt, or say state: running.",
    });
  if (health !== undefined && health.http === undefined && health.tcp === undefined && health.unit !== true)
    found.push({
      path: "health",
      code: "manifest/empty-health",
      summary: "This health check checks nothing",
      hint: "Give it http, tcp or unit: true.",
    });
  if (health !== undefined && health.http === undefined && (health.expect !== undefined || health.contains !== undefined))
    found.push({
      path: "health",
      code: "manifest/empty-health",
      summary: "expect and contains say something about an HTTP answer",
      hint: "Add http: http://localhost/…",
    });
  return found;
}

/** A unit that cannot be brought to its goal as the host is now, and the way out. */
function blockedService(
  spec: ServiceSpec,
  fact: ServiceFact,
  differences: readonly Difference[],
  context: KindContext,
): { reason: string; hint: string } | undefined {
  const unit = unitOf(spec),
    wanted = new Map(differences.map(({ path, want }) => [path, want]));
  const starts = wanted.get("state") === "running",
    enables = wanted.get("enabled") === true;
  if (fact.load === "not-found")
    return {
      reason: `${unit} does not exist on this host${fact.near === undefined ? "" : `; did you mean ${fact.near}?`}`,
      hint: `Add the package that brings it to needs (such as needs: [Package/${unit.replace(/\.\w+$/, "")}]), or check the name.`,
    };
  if ((fact.load === "masked" || fact.enabled.startsWith("masked")) && (starts || enables))
    return {
      reason: `${unit} is masked: nothing may start it`,
      hint: `Unmask it on the host (systemctl unmask ${unit}), or say state: stopped.`,
    };
  if (enables && ["static", "indirect", "transient"].includes(fact.enabled))
    return {
      reason: `${unit} is ${fact.enabled}: it has no [Install] section of its own and cannot be enabled`,
      hint: "Leave enabled out, or enable the unit that starts it.",
    };
  const init = context.host.facts?.init;
  if (init !== undefined && init !== "systemd" && dropInNames(differences).length > 0)
    return {
      reason: `drop-ins are not supported on ${init === "openrc" ? "OpenRC" : "this"} hosts: only systemd has them`,
      hint: `Use a File resource for /etc/conf.d/${unit.replace(/\.\w+$/, "")} with restarts: [${unit}], and let on pick hosts with systemd for the drop-ins.`,
    };
  if (starts && dropInNames(differences).length === 0 && (fact.load === "bad-setting" || fact.load === "error"))
    return { reason: `systemd cannot load ${unit} (${fact.load})`, hint: `Look at the unit file: systemctl status ${unit}` };
  return undefined;
}

/** One check for each thing that a health block names; 30 s where `within` is not given. */
function healthChecks(health: Health, unit: string): HealthCheck[] {
  const withinMs = Math.min(3_600_000, Math.max(100, health.within === undefined ? 30_000 : durationMs(health.within)));
  const checks: HealthCheck[] = [];
  if (health.unit === true) checks.push({ unit, withinMs });
  if (health.tcp !== undefined) checks.push({ tcp: health.tcp, withinMs });
  if (health.http !== undefined) {
    const { http, expect, contains } = health;
    checks.push({ http, ...(expect === undefined ? {} : { expect }), ...(contains === undefined ? {} : { contains }), withinMs });
  }
  return checks;
}

function describeServiceFact(fact: ServiceFact): Record<string, unknown> | undefined {
  if (fact.load !== "loaded") return undefined;
  const state = unitState(fact),
    dropIns = Object.entries(fact.dropIns ?? {}).filter(([, text]) => text !== null);
  return {
    unit: fact.unit,
    ...(state === "running" || state === "stopped" ? { state } : {}),
    ...(fact.enabled === "enabled" || fact.enabled === "disabled" ? { enabled: fact.enabled === "enabled" } : {}),
    ...(dropIns.length === 0 ? {} : { dropIns: Object.fromEntries(dropIns) }),
  };
}

function revertService(spec: ServiceSpec, fact: ServiceFact, differences: readonly Difference[]): Record<string, unknown> | undefined {
  const back: Record<string, unknown> = {},
    paths = differences.map(({ path }) => path),
    names = dropInNames(differences);
  if (spec.state === "absent" || paths.includes("state")) back.state = unitState(fact) === "running" ? "running" : "stopped";
  if (paths.includes("enabled")) back.enabled = fact.enabled === "enabled" || fact.enabled === "alias";
  if (names.length > 0)
    back.dropIns = { ...spec.dropIns, ...Object.fromEntries(names.map((name) => [name, fact.dropIns?.[name] ?? null])) };
  return Object.keys(back).length === 0 ? undefined : back;
}
