import type { KindTable } from "../kinds/define.ts";
import type { FactLookup, HostView, Instance } from "./model.ts";
import { instancesFor } from "./order.ts";
import type { Desired } from "./select.ts";

/** `Kind/name is WORD` or `Kind/name is not WORD`, optionally with `@host`. */
const form = /^([A-Z][A-Za-z]*\/[a-z0-9-]+)(?:@([a-z0-9.-]+))?\s+is\s+(not\s+)?([a-z-]+)$/;

export interface Condition {
  readonly resource: string;
  readonly host?: string | undefined;
  readonly negated: boolean;
  readonly word: string;
}

/** Reads an `onlyIf`; undefined where it is not of the form `Kind/name is WORD`. */
export function parseCondition(text: string): Condition | undefined {
  const match = form.exec(text.trim());
  if (match === null) return undefined;
  return { resource: match[1] ?? "", host: match[2], negated: match[3] !== undefined, word: match[4] ?? "" };
}

interface World {
  readonly desired: Desired;
  readonly kinds: KindTable;
  readonly hosts: ReadonlyMap<string, HostView>;
  readonly fact: FactLookup;
}

/** Why an instance has to wait for its `onlyIf`; undefined where the condition holds or there is none. It holds when every instance it speaks of is as it says. */
export function onlyIf(instance: Instance, world: World): string | undefined {
  const text = instance.resource.resource.spec["onlyIf"];
  if (typeof text !== "string") return undefined;
  const condition = parseCondition(text);
  if (condition === undefined) return `onlyIf: '${text}' is not understood`;
  const named = world.desired.byResource.get(condition.resource) ?? [];
  const spoken =
    condition.host === undefined
      ? instancesFor(condition.resource, instance.host, world.desired)
      : named.filter((one) => one.host === condition.host);
  if (spoken.length === 0) return `onlyIf: ${condition.resource} is on no host`;
  for (const one of spoken) {
    const word = wordOf(one, world);
    if (word === undefined) return `onlyIf: ${one.id} is unknown`;
    if ((word === condition.word) === condition.negated) return `onlyIf: ${one.id} is ${word}`;
  }
  return undefined;
}

function wordOf(instance: Instance, world: World): string | undefined {
  const kind = world.kinds.get(instance.resource.kind),
    fact = world.fact(instance.host, instance.askKey);
  if (kind?.scope !== "hosts" || fact?.value === undefined || world.hosts.get(instance.host)?.online !== true) return undefined;
  return kind.stateWord(fact.value);
}
