import type { FileEdit } from "../../schemas/api.ts";
import type { IntentQuestion, IntentRefusal } from "../../schemas/intent.ts";
import { canonicalJson } from "../../schemas/canonical.ts";
import type { Problem } from "../../schemas/problem.ts";
import type { KindTable } from "../kinds/define.ts";
import { type Draft, draftOf, type Managed } from "./draft.ts";
import { foldBack } from "./fold.ts";
import type { Known } from "./known.ts";
import { newName } from "./place.ts";
import { manifestSelector } from "./resolve.ts";
import { splitOff } from "./split.ts";
import { question, type Wish } from "./words/define.ts";
import type { Selector } from "../../schemas/selector.ts";

/** A wish with what it follows and the condition that its resource keeps. */
export interface Placed {
  readonly wish: Wish;
  readonly selector: Selector;
  /** Number of the step. */
  readonly step: number;
  readonly after: readonly number[];
  readonly onlyIf?: string | undefined;
}

export interface CompileInput {
  readonly known: Known;
  readonly kinds: KindTable;
  readonly fileText: (path: string) => Promise<string | undefined>;
}

/** Edits of the workspace, and what a person should know about them. */
export interface Compiled {
  readonly edits: readonly FileEdit[];
  /** Ids of the resources that were changed or made. */
  readonly touched: readonly string[];
  /** Fields that nobody asked for. */
  readonly defaults: readonly string[];
  readonly notes: readonly string[];
  /** Wishes that are already declared just so. */
  readonly unchanged: readonly string[];
}

export type CompileResult =
  | { readonly compiled: Compiled }
  | { readonly question: IntentQuestion }
  | { readonly refusal: IntentRefusal }
  | { readonly problems: readonly Problem[] };

/** Wishes x manifests -> edits. A resource that covers exactly the hosts is changed; one that covers more is split; hosts that none covers get a new one. */
export async function compile(placed: readonly Placed[], input: CompileInput): Promise<CompileResult> {
  const draft = draftOf(input);
  for (const one of placed) {
    const stop = await place(one, draft, input);
    if (stop !== undefined) return stop;
  }
  return { compiled: draft.result() };
}

type Stop = Exclude<CompileResult, { compiled: Compiled }>;

async function place(placed: Placed, draft: Draft, { known }: CompileInput): Promise<Stop | undefined> {
  const { wish } = placed;
  if (wish.momentary) await foldBack(wish, draft);
  const wanted = new Set(wish.hosts),
    covering = draft.claiming(wish.kind, wish.claim).filter(({ hosts }) => [...hosts].some((host) => wanted.has(host)));
  for (const managed of covering) {
    const reason = wish.conflict?.(managed.spec);
    if (reason !== undefined) return { refusal: { reason: "infeasible", text: `${managed.id} stands against this: ${reason}.` } };
    const stop = await change(
      managed,
      [...managed.hosts].filter((host) => wanted.has(host)),
      placed,
      draft,
      known,
    );
    if (stop !== undefined) return stop;
  }
  const rest = wish.hosts.filter((host) => !covering.some(({ hosts }) => hosts.has(host)));
  if (rest.length === 0) return undefined;
  const on = manifestSelector(rest, placed.selector, known);
  if (on === undefined)
    return question(`${rest.length} hosts are too many to be named one by one in a manifest. Give them a tag, and say that.`);
  const resource = newResource(placed, on, rest.length, draft);
  return stopOf(await draft.add(resource, rest, placed.step));
}

const stopOf = (problem: Problem | undefined): Stop | undefined => (problem === undefined ? undefined : { problems: [problem] });

/** Sets the fields where they hold for every host of the resource; where they do not, the hosts are split off. */
async function change(managed: Managed, hosts: readonly string[], placed: Placed, draft: Draft, known: Known): Promise<Stop | undefined> {
  const { wish } = placed;
  if (saysAlready(managed.spec, wish.set)) {
    draft.leave(managed.id);
    return undefined;
  }
  if (hosts.length === managed.hosts.size) return stopOf(await draft.set(managed, wish.set, placed.step));
  return stopOf(await splitOff(managed, hosts, placed, draft, known));
}

/** Whether a spec has every field as wished. */
export const saysAlready = (spec: Readonly<Record<string, unknown>>, set: Readonly<Record<string, unknown>>): boolean =>
  Object.entries(set).every(([key, value]) => {
    const have = spec[key];
    if (value === null) return have === undefined;
    if (typeof value === "object" && !Array.isArray(value))
      return typeof have === "object" && have !== null && saysAlready(have as Record<string, unknown>, value as Record<string, unknown>);
    return canonicalJson(have ?? null) === canonicalJson(value);
  });

function newResource({ wish, after, onlyIf }: Placed, on: string, count: number, draft: Draft): Parameters<Draft["add"]>[0] {
  const set = Object.fromEntries(Object.entries(wish.set).filter(([, value]) => value !== null));
  const needs = after.flatMap((number) => draft.madeBy(number)).filter((id) => id.startsWith("Package/"));
  const rollout = count > 1 && wish.momentary ? { rollout: { maxUnavailable: count > 8 ? "25%" : 1 } } : {};
  const defaults = { ...wish.defaults, ...rollout };
  const name = newName(wish, on, draft.ids());
  for (const [field, value] of Object.entries(defaults))
    draft.defaulted(`${wish.kind}/${name}: ${field} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`);
  return {
    apiVersion: "backend-ai/v1",
    kind: wish.kind,
    metadata: { name },
    spec: {
      on,
      ...wish.identity,
      ...set,
      ...defaults,
      ...(needs.length > 0 ? { needs } : {}),
      ...(onlyIf === undefined ? {} : { onlyIf }),
    },
  };
}
