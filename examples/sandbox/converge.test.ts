import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import type { Clock } from "../../agent/runtime/clock.ts";
import { volatileMemory } from "../../agent/runtime/volatile-memory.ts";
import { selectorHost } from "../../controller/core/inventory.ts";
import type { HostView, KindContext } from "../../controller/core/model.ts";
import type { InstanceKind } from "../../controller/kinds/define.ts";
import { kinds } from "../../controller/kinds/index.ts";
import { compileSelector, parseSelector } from "../../schemas/selector.ts";
import type { Resource } from "../../schemas/manifest.ts";
import { breakSomething } from "./faults.ts";
import { type FleetHost, pretendFleet } from "./fleet.ts";
import { readHost } from "./host/measure.ts";
import { pretendVerbs } from "./verbs.ts";

const folder = new URL("./workspace/", import.meta.url);
const manifests = readdirSync(new URL("manifests/", folder)).map((name) => readFileSync(new URL(`manifests/${name}`, folder), "utf8"));
const resources = manifests.flatMap((text) => parseAllDocuments(text)).map((document) => document.toJS() as Resource);

interface Placed {
  readonly id: string;
  readonly kind: InstanceKind;
  readonly on: (host: HostView) => boolean;
  readonly spec: Record<string, unknown>;
}

const completed = new Map<string, Record<string, unknown>>();
for (const { kind: name, metadata, spec } of resources) {
  const kind = kinds.get(name);
  if (kind?.scope === "hosts") completed.set(`${name}/${metadata.name}`, kind.complete(spec, metadata.name));
}
const placed: Placed[] = resources.flatMap(({ kind: name, metadata, spec }) => {
  const kind = kinds.get(name),
    id = `${name}/${metadata.name}`,
    parsed = parseSelector(String(spec.on), { stableOnly: true });
  if (kind?.scope !== "hosts") return [];
  if (!parsed.ok) throw new Error(`${id}: ${String(spec.on)} is no selector`);
  const picks = compileSelector(parsed.selector);
  return [
    { id, kind, on: (host) => picks(selectorHost(host)) === true, spec: kind.link(completed.get(id), (other) => completed.get(other)) },
  ];
});

/** One host with its verbs, brought to what the manifests say by the real kinds: what each pass did, until one does nothing. */
function mending({ host, tags, labels }: FleetHost, clock: Clock) {
  const verbs = pretendVerbs(host),
    memory = volatileMemory(clock),
    signal = new AbortController().signal;
  let steps = 0;
  const act = async (action: string, input: unknown, resource: string): Promise<void> => {
    const context = {
      memory,
      signal,
      sealKey: undefined,
      step: `${resource}@${host.name}#${(steps += 1)}`,
      resource,
      progress: () => undefined,
    };
    await (verbs.actions[action as "service.set"] as (input: unknown, context: unknown) => Promise<unknown>)(input, context);
  };
  const pass = async (): Promise<string[]> => {
    const facts = readHost(host),
      done: string[] = [];
    const view: HostView = { name: host.name, online: true, aliases: [], tags, labels, clockOffset: 0, facts, address: facts.addresses[0] };
    const context: KindContext = {
      host: view,
      file: (path) => readFileSync(new URL(path, folder), "utf8"),
      unitOf: (unit) => unit,
      seal: () => undefined,
    };
    for (const { id, kind, spec } of placed.filter((each) => each.on(view))) {
      const { probe, input } = kind.observe(spec, context);
      const fact = await (verbs.probes[probe as "service"] as (input: unknown, context: unknown) => Promise<unknown>)(input, {
        memory,
        signal,
        sealKey: undefined,
      });
      const outcome = kind.evaluate(spec, fact, context);
      if (outcome.is === "in-sync") continue;
      done.push(`${id} ${outcome.is}`);
      if (outcome.is !== "differs") continue;
      for (const step of outcome.evaluation.steps) await act(step.action, step.input, id);
      for (const { unit, how } of outcome.evaluation.triggers) await act(`service.${how}`, { unit }, id);
    }
    return done;
  };
  return async (): Promise<string[][]> => {
    const passes: string[][] = [];
    do passes.push(await pass());
    while (passes.at(-1)!.length > 0 && passes.length < 5);
    return passes;
  };
}

let now = 1_800_000_000_000;
/** Each look at the clock is a millisecond later: what happens after is later. */
const clock: Clock = { now: () => (now += 1), after: () => () => undefined };

test("the sandbox's manifests bring every host in sync, and what somebody breaks is put back by one pass", async () => {
  const fleet = pretendFleet({ hosts: 24, seed: 5, clock });
  for (const member of fleet.hosts) {
    const mend = mending(member, clock),
      first = await mend();
    expect([member.host.name, first.at(-1), first.length <= 3]).toEqual([member.host.name, [], true]);
    expect(first[0]).toContain("File/motd differs");
    await breakSomething(member.host, "delete /etc/motd");
    expect(await mend()).toEqual([["File/motd differs"], []]);
  }
});

test("every kind of drift on a web server is seen and mended", async () => {
  const member = pretendFleet({ hosts: 1, seed: 5, clock }).hosts[0]!,
    mend = mending(member, clock);
  await mend();
  for (const [what, seen] of [
    ["kill nginx", ["Service/nginx differs"]],
    ["stop nginx", ["Service/nginx differs"]],
    ["disable nginx", ["Service/nginx differs"]],
    ["edit /etc/nginx/conf.d/shop.conf", ["File/nginx-site differs"]],
    ["chmod 0600 /etc/nginx/conf.d/shop.conf", ["File/nginx-site differs"]],
    ["chown nobody /var/www/shop/index.html", ["File/shop-page differs"]],
    ["remove nginx", ["Package/nginx differs"]],
  ] as const) {
    await breakSomething(member.host, what);
    const passes = await mend();
    expect([what, passes[0]!.filter((each) => !each.startsWith("Service/nginx") || seen.includes(each as never)), passes.at(-1)]).toEqual([
      what,
      seen,
      [],
    ]);
  }
});
