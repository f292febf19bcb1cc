import { isOutdated } from "../core/inventory.ts";
import type { DriftView, EventView, HostSummary, InstanceView, ResourceView } from "../../schemas/api.ts";
import type { HostView, Instance, LoadedResource } from "../core/model.ts";
import type { Alert } from "../store/alerts.ts";
import type { StoredEvent } from "../store/events.ts";
import type { AgentState } from "./fleet.ts";
import type { World } from "./world.ts";

export const iso = (ms: number): string => new Date(ms).toISOString();

/** An instance as the API shows it. */
export function instanceView(instance: Instance, world: World, withFact: boolean): InstanceView {
  const assessment = world.assessment(instance.id),
    fact = world.fact(instance.host, instance.askKey),
    kind = world.kinds.get(instance.resource.kind);
  const view: InstanceView = { id: instance.id, resource: instance.resource.id, host: instance.host, state: stateOf(instance, world) };
  if (assessment !== undefined && "reason" in assessment) view.reason = assessment.reason;
  if (assessment !== undefined && "evaluation" in assessment && assessment.evaluation !== undefined)
    view.differences = assessment.evaluation.differences;
  if (fact?.value !== undefined) {
    if (kind?.scope === "hosts") view.word = kind.stateWord(fact.value);
    view.observedAt = iso(fact.at + (world.hosts.get(instance.host)?.clockOffset ?? 0));
    if (withFact) view.fact = fact.value;
  }
  return view;
}

function stateOf(instance: Instance, world: World): InstanceView["state"] {
  const assessment = world.assessment(instance.id);
  if (assessment === undefined) return "unknown";
  if (assessment.is === "differs") return world.wasSynced(instance) ? "drifted" : "differs";
  if (assessment.is === "blocked") return world.held.get(instance.id)?.digest === instance.resource.digest ? "held" : "blocked";
  return assessment.is;
}

/** Without what is filled in for the engine alone: where a guest stands follows from its cluster. */
function asWritten({ resource }: LoadedResource): LoadedResource["resource"] {
  if (typeof resource.spec["resource"] !== "string") return resource;
  const { resource: _, on: __, needsSource: ___, ...spec } = resource.spec;
  return { ...resource, spec };
}

export function resourceView(resource: LoadedResource, world: World): ResourceView {
  const where = resource.where(),
    on = resource.resource.spec["on"];
  return {
    id: resource.id,
    kind: resource.kind,
    name: resource.name,
    ...(typeof on === "string" ? { on } : {}),
    file: resource.file,
    line: where.line ?? 1,
    manifest: asWritten(resource),
    instances: (world.desired.byResource.get(resource.id) ?? []).map((instance) => instanceView(instance, world, false)),
  };
}

export function hostSummary(host: HostView, state: AgentState | undefined, world: World): HostSummary {
  const instances = world.desired.byHost.get(host.name) ?? [];
  const inSync = instances.filter((instance) => world.assessment(instance.id)?.is === "in-sync").length;
  return {
    name: host.name,
    online: host.online,
    state: state?.state ?? "offline",
    agent: state?.agent ?? "",
    version: state?.version ?? "",
    ...(host.agent !== undefined && isOutdated(host.agent) ? { outdated: true } : {}),
    tags: [...host.tags],
    labels: { ...host.labels },
    aliases: [...host.aliases],
    ...(host.address === undefined ? {} : { address: host.address }),
    ...(host.facts === undefined ? {} : { os: host.facts.os.name, facts: host.facts }),
    ...(host.metrics === undefined ? {} : { metrics: host.metrics }),
    ...(state?.lastSeen === undefined ? {} : { lastSeen: iso(state.lastSeen) }),
    clockOffsetMs: host.clockOffset,
    instances: { inSync, open: instances.length - inSync },
  };
}

export const eventView = ({ n, at, type, host, about, text, data }: StoredEvent): EventView => ({
  n,
  at: iso(at),
  type,
  text,
  ...(host === undefined ? {} : { host }),
  ...(about === undefined ? {} : { about }),
  ...(data === undefined ? {} : { data }),
});

export const driftView = (alert: Alert): DriftView => ({
  instance: alert.instance,
  since: iso(alert.since),
  mode: alert.mode,
  differences: [...alert.differences],
  ...(alert.closedAt === undefined ? {} : { closedAt: iso(alert.closedAt) }),
  ...(alert.by === undefined ? {} : { by: { ...alert.by } }),
  ...(alert.note === undefined ? {} : { note: alert.note }),
  ...(alert.corrected === undefined ? {} : { corrected: alert.corrected }),
});
