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

/** Changes of `needs` and of kinds' own references: a resource on the same host where it has an instance there, else everywhere. */
export function linkNeeds(drafts: Map<string, Draft>, desired: Desired, kinds: KindTable): void {
  for (const [id, draft] of drafts) {
    const instance = desired.instances.get(id);
    if (instance === undefined) continue;
    const needs = new Set(draft.needs);
    for (const before of needed(instance, kinds))
      for (const on of instancesFor(before, instance.host, desired)) if (drafts.has(on.id) && on.id !== id) needs.add(on.id);
    drafts.set(id, { ...draft, needs: [...needs].sort() });
  }
  for (const [id, draft] of drafts) drafts.set(id, { ...draft, after: weakOrder(draft, drafts, sameHost(drafts)) });
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
  const all = desired.byResource.get(resource) ?? [];
  const here = all.filter((instance) => instance.host === host);
  return here.length > 0 ? here : all;
}

const hostIndex = new WeakMap<Map<string, Draft>, Map<string, string[]>>();
function sameHost(drafts: Map<string, Draft>): Map<string, string[]> {
  const known = hostIndex.get(drafts);
  if (known !== undefined) return known;
  const index = new Map<string, string[]>();
  for (const [id, draft] of drafts) index.set(draft.host, [...(index.get(draft.host) ?? []), id]);
  hostIndex.set(drafts, index);
  return index;
}

/** Lower ranks on the same host first, unless they themselves wait for this one. */
function weakOrder(draft: Draft, drafts: Map<string, Draft>, index: Map<string, string[]>): string[] {
  const mine = rankOf(draft);
  return (index.get(draft.host) ?? [])
    .filter((id) => {
      const other = drafts.get(id);
      return other !== undefined && id !== draft.id && rankOf(other) < mine && !draft.needs.includes(id) && !reaches(id, draft.id, drafts);
    })
    .sort();
}

function reaches(from: string, to: string, drafts: Map<string, Draft>): boolean {
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
 * Cuts the changes of a resource with a `rollout` into batches of at most `maxUnavailable` hosts: everything that leads to a host's change
 * (its files, its packages) waits until the batch before is done and healthy.
 */
export function batch(drafts: Map<string, Draft>, desired: Desired, kinds: KindTable): void {
  const byResource = new Map<string, Draft[]>();
  for (const draft of drafts.values()) byResource.set(draft.resource, [...(byResource.get(draft.resource) ?? []), draft]);
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
    members.forEach((member, index) => {
      const number = Math.floor(index / size);
      const before = members.slice((number - 1) * size, number * size).map((draft) => draft.id);
      const current = drafts.get(member.id) ?? member;
      drafts.set(member.id, {
        ...current,
        rollout: { resource, batch: number, maxUnavailable: size, pauseMs: pauseMs(rollout.pause) },
        onFailure: rollout.onFailure ?? current.onFailure,
      });
      if (number > 0) for (const id of leadingTo(member.id, drafts)) waitFor(drafts, id, before);
    });
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
  const waiting = new Map<string, number>();
  const followers = new Map<string, string[]>();
  for (const [id, draft] of drafts) {
    const first = [...new Set([...draft.needs, ...draft.after])].filter((other) => drafts.has(other));
    waiting.set(id, first.length);
    for (const other of first) {
      const list = followers.get(other);
      if (list === undefined) followers.set(other, [id]);
      else list.push(id);
    }
  }
  const sorted: string[] = [];
  let ready = [...waiting]
    .filter(([, count]) => count === 0)
    .map(([id]) => id)
    .sort();
  while (ready.length > 0) {
    const next: string[] = [];
    for (const id of ready) {
      sorted.push(id);
      for (const follower of followers.get(id) ?? []) {
        const left = (waiting.get(follower) ?? 0) - 1;
        waiting.set(follower, left);
        if (left === 0) next.push(follower);
      }
    }
    ready = next.sort();
  }
  return sorted;
}
