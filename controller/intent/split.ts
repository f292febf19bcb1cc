import type { Resource } from "../../schemas/manifest.ts";
import { error, type Problem } from "../../schemas/problem.ts";
import { allOf, not, parseSelector, printSelector } from "../../schemas/selector.ts";
import type { Placed } from "./compile.ts";
import type { Draft, Managed } from "./draft.ts";
import type { Known } from "./known.ts";
import { newName } from "./place.ts";
import { manifestSelector } from "./resolve.ts";
import type { Params } from "./words/define.ts";

/** Annotations of a resource that was split off: from which one, and what that one's `on` was before. */
export const splitFrom = "backend-ai/split-from",
  splitOn = "backend-ai/split-on";

/** The `on` of a resource without the hosts that were split off. */
export function narrowed(on: string, part: string): string | undefined {
  const whole = parseSelector(on),
    less = parseSelector(part);
  return whole.ok && less.ok ? printSelector(allOf([whole.selector, not(less.selector)])) : undefined;
}

/**
 * Splits some hosts of a resource off into one of their own, a copy with the wished fields, since two resources may not claim the same unit, file or
 * package on one host. See docs/decisions/0015-requests-on-part-of-a-resource.md.
 */
export async function splitOff(
  managed: Managed,
  hosts: readonly string[],
  placed: Placed,
  draft: Draft,
  known: Known,
): Promise<Problem | undefined> {
  const written = await draft.written(managed.id),
    part = manifestSelector(hosts, placed.selector, known) ?? "",
    rest = narrowed(managed.on, part);
  if (written === undefined || rest === undefined || part === "")
    return error(
      "intent/cannot-split",
      `Unable to change ${managed.id} on ${hosts.length} of its ${managed.hosts.size} hosts: its manifest cannot be split`,
      { hint: "Edit it by hand." },
    );
  const name = newName({ kind: managed.kind, name: managed.name }, part, draft.ids());
  const problem = await draft.cover(managed.id, rest, new Set([...managed.hosts].filter((host) => !hosts.includes(host))));
  if (problem !== undefined) return problem;
  draft.note(
    `${managed.id} covers ${managed.hosts.size} hosts: ${hosts.join(", ")} ${hosts.length === 1 ? "gets a resource of its" : "get a resource of their"} own, ${managed.kind}/${name}, a copy of it with this change.`,
  );
  return draft.add(copy(managed, written, name, part, placed.wish.set), hosts, placed.step, managed.file);
}

function copy(
  managed: Managed,
  written: { metadata: Readonly<Record<string, unknown>>; spec: Params },
  name: string,
  on: string,
  set: Params,
): Resource {
  const identity = Object.fromEntries(
    Object.entries({ unit: managed.spec["unit"], name: managed.spec["name"] }).filter(
      ([key, value]) => value !== undefined && managed.kind === (key === "unit" ? "Service" : "Package"),
    ),
  );
  const spec: Record<string, unknown> = { ...identity, ...written.spec, on };
  for (const [key, value] of Object.entries(set)) {
    if (value === null) delete spec[key];
    else
      spec[key] =
        typeof value === "object" && !Array.isArray(value) && typeof spec[key] === "object"
          ? { ...(spec[key] as object), ...value }
          : value;
  }
  const { on: _on, ...others } = spec;
  const annotations = {
    ...(written.metadata["annotations"] as Record<string, string> | undefined),
    [splitFrom]: managed.id,
    [splitOn]: managed.on,
  };
  return {
    apiVersion: "backend-ai/v1",
    kind: managed.kind,
    metadata: { ...(written.metadata as Resource["metadata"]), name, annotations },
    spec: { on, ...others },
  };
}
