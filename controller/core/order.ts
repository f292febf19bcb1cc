import { instanceId } from "../../schemas/ids.ts";
import type { KindTable } from "../kinds/define.ts";
import { pauseMs, type Draft } from "./changes.ts";
import type { Instance } from "./model.ts";
import type { Desired } from "./select.ts";

/** On one host, kinds go in this order where no `needs` says otherwise: what brings files and units before what uses them. */
const rank = new Map([
  ["Package", 0],
  ["File", 1],
  ["Service", 2],
]);
const rankOf = (draft: Draft): number => rank.get(draft.resource.slice(0, draft.resource.indexOf("/"))) ?? 3;

/**
 * Changes of `needs` and of kinds' own references: a resource on the same host where it has an instance there, else everywhere.
 * The drafts belong to the plan that is being made: their `needs` and `after` are set in place.
 */
export function linkNeeds(drafts: ReadonlyMap<string, Draft>, desired: Desired, kinds: KindTable): void {
  for (const [id, draft] of drafts) {
    const instance = desired.instances.get(id);
    if (instance === undefined) continue;
    const before = needed(instance, kinds);
    if (before.length === 0 && draft.needs.length < 2) continue;
    const needs = new Set(draft.needs);
    for (const first of before)
      for (const on of instancesFor(first, instance.host, desired)) if (drafts.has(on.id) && on.id !== id) needs.add(on.id);
    draft.needs = [...needs].sort();
  }
  for (const same of byHost(drafts).values()) for (const draft of same) draft.after = weakOrder(draft, same, drafts);
}

/** Ids of resources that come before an instance. */
export function needed(instance: Instance, kinds: KindTable): string[] {
  const spec = instance.resource.resource.spec;
  const explicit = Array.isArray(spec["needs"]) ? (spec["needs"] as string[]) : [];
  const kind = kinds.get(instance.resource.kind);
  const own = kind?.scope === "hosts" ? kind.references(spec).filter((reference) => reference.order === "before") : [];
  return [...explicit, ...own.map((reference) => reference.id)];
}

/** Where a needed resource counts: on the same host, or, where it is not there, on every host that has it. */
export function instancesFor(resource: string, host: string, desired: Desired): readonly Instance[] {
  const here = desired.instances.get(instanceId(resource, host));
  return here === undefined ? (desired.byResource.get(resource) ?? []) : [here];
}

/** Drafts of each host, in the order of their ids. */
function byHost(drafts: ReadonlyMap<string, Draft>): Map<string, Draft[]> {
  const index = new Map<string, Draft[]>();
  for (const draft of drafts.values()) {
    const same = index.get(draft.host);
    if (same === undefined) index.set(draft.host, [draft]);
    else same.push(draft);
  }
  for (const same of index.values()) same.sort((a, b) => (a.id < b.id ? -1 : 1));
  return index;
}

/** Lower ranks on the same host first, unless they themselves wait for this one. */
function weakOrder(draft: Draft, same: readonly Draft[], drafts: ReadonlyMap<string, Draft>): string[] {
  const mine = rankOf(draft),
    after: string[] = [];
  if (mine === 0) return after;
  for (const other of same)
    if (rankOf(other) < mine && !draft.needs.includes(other.id) && !reaches(other.id, draft.id, drafts)) after.push(other.id);
  return after;
}

function reaches(from: string, to: string, drafts: ReadonlyMap<string, Draft>): boolean {
  if (drafts.get(from)?.needs.length === 0) return false;
  const open = [from],
    seen = new Set<string>();
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (id === to) return true;
    if (seen.has(id)) continue;
    seen.add(id);
    open.push(...(drafts.get(id)?.needs ?? []));
  }
  return false;
}

/**
 * Cuts the changes of a resource with a `rollout` into batches of at most `maxUnavailable` hosts, the first one of `canary`: everything that leads to a host's change
 * (its files, its packages) waits until the batch before is done and healthy.
 */
export function batch(drafts: Map<string, Draft>, desired: Desired, kinds: KindTable): void {
  const byResource = new Map<string, Draft[]>();
  for (const draft of drafts.values()) {
    const same = byResource.get(draft.resource);
    if (same === undefined) byResource.set(draft.resource, [draft]);
    else same.push(draft);
  }
  for (const resource of [...byResource.keys()].sort()) {
    const loaded = desired.resources.get(resource),
      kind = loaded === undefined ? undefined : kinds.get(loaded.kind);
    if (loaded === undefined || kind?.scope !== "hosts") continue;
    const rollout = kind.rollout(loaded.resource.spec);
    if (rollout === undefined) continue;
    const members = (byResource.get(resource) ?? [])
      .filter((draft) => draft.consequence !== "none")
      .sort((a, b) => (a.host < b.host ? -1 : 1));
    const size = atATime(rollout.maxUnavailable, desired.byResource.get(resource)?.length ?? members.length);
    const first = Math.min(rollout.canary ?? size, size);
    const batches = [members.slice(0, first)];
    for (let at = first; at < members.length; at += size) batches.push(members.slice(at, at + size));
    for (const [number, of] of batches.entries())
      for (const member of of) {
        const before = (batches[number - 1] ?? []).map((draft) => draft.id);
        const current = drafts.get(member.id) ?? member;
        drafts.set(member.id, {
          ...current,
          rollout: { resource, batch: number, maxUnavailable: size, pauseMs: pauseMs(rollout.pause) },
          onFailure: rollout.onFailure ?? current.onFailure,
        });
        if (number > 0) for (const id of leadingTo(member.id, drafts)) waitFor(drafts, id, before);
      }
  }
}

/** `maxUnavailable` as a number of hosts, at least one; 1 where it is not given. */
export function atATime(maxUnavailable: number | string | undefined, hosts: number): number {
  if (maxUnavailable === undefined) return 1;
  if (typeof maxUnavailable === "number") return maxUnavailable;
  return Math.max(1, Math.floor((hosts * Number.parseInt(maxUnavailable, 10)) / 100));
}

function leadingTo(id: string, drafts: Map<string, Draft>): string[] {
  const host = drafts.get(id)?.host,
    open = [id],
    found = new Set<string>();
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const draft = drafts.get(next);
    if (draft === undefined || draft.host !== host || found.has(next)) continue;
    found.add(next);
    open.push(...draft.needs);
  }
  return [...found];
}

function waitFor(drafts: Map<string, Draft>, id: string, before: readonly string[]): void {
  const draft = drafts.get(id);
  if (draft !== undefined) drafts.set(id, { ...draft, needs: [...new Set([...draft.needs, ...before])].sort() });
}

/** A stable topological order: the same changes always come out the same way, whatever order they came in. Manifests with cycles are refused when they are loaded; what would be in one is left out here, so that no run stops half-way. */
export function order(drafts: ReadonlyMap<string, Draft>): string[] {
  const ids = [...drafts.keys()].sort(),
    place = new Map(ids.map((id, at) => [id, at]));
  const waiting = new Int32Array(ids.length),
    followers: number[][] = ids.map(() => []);
  ids.forEach((id, at) => {
    const { needs, after } = drafts.get(id)!;
    for (const other of after.length === 0 ? needs : needs.length === 0 ? after : new Set([...needs, ...after])) {
      const first = place.get(other);
      if (first === undefined) continue;
      waiting[at]! += 1;
      followers[first]!.push(at);
    }
  });
  const sorted: string[] = [];
  let ready = ids.map((_, at) => at).filter((at) => waiting[at] === 0);
  while (ready.length > 0) {
    const next: number[] = [];
    for (const at of ready) {
      sorted.push(ids[at]!);
      for (const follower of followers[at]!) if (--waiting[follower]! === 0) next.push(follower);
    }
    ready = next.sort((a, b) => a - b);
  }
  return sorted;
}
