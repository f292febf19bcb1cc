import { createHash } from "node:crypto";
import { generateIdentity, identityToRecipient } from "age-encryption";
import fc from "fast-check";
import { expect, test } from "vitest";
import { askKey } from "../../schemas/canonical.ts";
import type { Problem } from "../../schemas/problem.ts";
import type { Ask } from "../../schemas/contract.ts";
import type { Fact, SourceFile } from "../core/model.ts";
import { orphansOf } from "../core/orphans.ts";
import { makePlan } from "../core/plan.ts";
import { kinds } from "../kinds/index.ts";
import { encryptSecret, withSecret } from "../repo/secrets.ts";
import { snapshot, type Snapshot } from "../repo/snapshot.ts";
import { openStore } from "../store/open.ts";
import { createFleet, type Fleet } from "./fleet.ts";
import { createForce, type Force } from "./force.ts";
import { createLoader, type Loader } from "./loader.ts";
import { createWorld, type World } from "./world.ts";

/** Whatever is edited, what came by the change alone is what a controller that starts now would come to. */

const identity = await generateIdentity(),
  recipient = await identityToRecipient(identity);
const secrets = await Promise.all(["one", "two"].map(async (text) => withSecret(undefined, "key", await encryptSecret(recipient, text))));
const options = { kinds, identity, sealKey: new Uint8Array(32), now: () => 1000 };
const hostNames = ["a", "b", "c", "web-1"];

type Files = Readonly<Record<string, string>>;

const doc = (kind: string, name: string, spec: readonly string[]): string =>
  [
    `apiVersion: backend-ai/v1`,
    `kind: ${kind}`,
    `metadata: { name: ${name} }`,
    `spec:`,
    ...spec.filter((line) => line !== "").map((line) => `  ${line}`),
  ].join("\n");
const pick = <T>(...of: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...of);

/** One of these now and then, mostly nothing. */
const seldom = (...of: string[]): fc.Arbitrary<string> =>
  fc.oneof({ weight: 8, arbitrary: fc.constant("") }, { weight: 1, arbitrary: pick(...of) });

const on = pick('"*"', "tag=web", "name=a", "web", "a", "other", "name=b,c", "label.team=x", "!tag=web", "name=none");
const documents: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 24,
    arbitrary: fc
      .record({
        name: pick("f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7"),
        on,
        path: fc.nat(20),
        content: pick(
          "content: one",
          "content: two",
          "source: files/s0",
          "source: files/s1",
          "template: { source: files/s0 }",
          'template: { content: "{{host.tags}} {{v}}", values: { v: 1 } }',
          "content: { secretRef: db/key }",
        ),
        more: seldom("needs: [Package/p0]", "needs: [File/f0]", "reloads: [Service/s0]", "restarts: [Service/s1]"),
      })
      .map(({ name, on: text, path, content, more }) => doc("File", name, [`on: ${text}`, `path: /etc/${path}`, content, more])),
  },
  {
    weight: 10,
    arbitrary: fc
      .record({ name: pick("s0", "s1", "s2"), on, more: seldom("unit: other.service", "needs: [File/f1]", "enabled: true") })
      .map(({ name, on: text, more }) => doc("Service", name, [`on: ${text}`, "state: running", more])),
  },
  { weight: 7, arbitrary: fc.record({ name: pick("p0", "p1"), on }).map(({ name, on: text }) => doc("Package", name, [`on: ${text}`])) },
  {
    weight: 10,
    arbitrary: fc
      .record({
        name: pick("a", "b", "web-1"),
        says: pick("tags: [web]", "labels: { team: x }", "aliases: [other]", "aliases: [web]", "tags: []"),
      })
      .map(({ name, says }) => doc("Host", name, [says])),
  },
  {
    weight: 7,
    arbitrary: fc
      .record({
        name: pick("q0", "q1"),
        says: pick("drift: { mode: correct }", "drift: { mode: ignore }", "prune: true", "protected: true"),
      })
      .map(({ name, says }) => doc("Policy", name, ['on: "*"', says])),
  },
  { weight: 1, arbitrary: pick("a: [", doc("File", "bad", ["on: a", "pth: /x"]), doc("Service", "s9", ["on: a", "state: no"])) },
);
const manifest = fc.array(documents, { maxLength: 4 }).map((list) => list.join("\n---\n"));
const edits: fc.Arbitrary<Readonly<Record<string, string | null>>> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ path: pick(0, 1, 2, 3), text: manifest }).map(({ path, text }) => ({ [`manifests/${path}.yaml`]: text })),
  },
  { weight: 1, arbitrary: pick(0, 1, 2, 3).map((path) => ({ [`manifests/${path}.yaml`]: null })) },
  {
    weight: 2,
    arbitrary: fc.record({ path: pick("s0", "s1"), text: pick("one", "two", null) }).map(({ path, text }) => ({ [`files/${path}`]: text })),
  },
  { weight: 1, arbitrary: pick(...secrets, null).map((text) => ({ "secrets/db.age.yaml": text })) },
  { weight: 1, arbitrary: pick("drift: { mode: correct }", "drift: { mode: ignore }", null).map((text) => ({ "backend-ai.yaml": text })) },
);
/** What comes from agents in between: a host goes and comes, tells its system, what it has. */
type Event =
  | { readonly do: "state"; readonly host: string; readonly online: boolean }
  | { readonly do: "system"; readonly host: string; readonly os: string }
  | { readonly do: "facts"; readonly some: number; readonly there: boolean };
const events: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ do: fc.constant("state" as const), host: pick(...hostNames), online: fc.boolean() }),
  fc.record({ do: fc.constant("system" as const), host: pick(...hostNames), os: pick("debian", "alpine") }),
  fc.record({ do: fc.constant("facts" as const), some: fc.integer({ min: 1, max: 9 }), there: fc.boolean() }),
);

const sourceOf = ([path, text]: readonly [string, string]): SourceFile => ({
  path,
  blob: createHash("sha1").update(text).digest("hex"),
  size: text.length,
  text,
});
const snapshotOf = (commit: string, files: Files): Snapshot => snapshot(commit, Object.entries(files).map(sourceOf), []);

interface Controller {
  readonly world: World;
  readonly fleet: Fleet;
  readonly force: Force;
  readonly loader: Loader;
  readonly snapshots: Map<string, Snapshot>;
  readonly watched: Map<string, readonly Ask[]>;
  /** Instances that were told to be judged anew; `all`: everything was compared anew. */
  readonly settled: Set<string>;
}

/** The parts of a controller that this is about, put together as it does. */
function controllerOf(most: number): Controller {
  const snapshots = new Map<string, Snapshot>(),
    loader = createLoader(options),
    world = createWorld(kinds, options.now, most),
    fleet = createFleet(),
    watched = new Map<string, readonly Ask[]>(),
    settled = new Set<string>();
  for (const host of hostNames) setState(fleet, host, true);
  const force = createForce({
    world,
    fleet,
    store: openStore(":memory:"),
    workspace: { branch: "main", load: (commit: string) => loader.load(snapshots.get(commit)!) } as never,
    taint: { enter: () => Promise.resolve() },
    agents: { setWatch: (host, asks) => void watched.set(host, asks) },
    onSettled: (ids) => ids.forEach((id) => settled.add(id)),
    onInForce: ({ all }) => void (all === true && settled.add("all")),
    tell: () => undefined,
    log: console as never,
    now: options.now,
  });
  return { world, fleet, force, loader, snapshots, watched, settled };
}

const setState = (fleet: Fleet, host: string, online: boolean) =>
  fleet.setAgent({
    agent: host,
    host,
    state: online ? "online" : "offline",
    version: "1",
    verbs: [],
    clockOffset: 0,
    tags: [],
    labels: {},
  });

const byKey = <T>(entries: Iterable<readonly [string, T]>): (readonly [string, T])[] => [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
const sorted = (list: Iterable<string>): string[] => [...list].sort();

/** Everything that anybody can learn of a world. */
function said(world: World): unknown {
  const { desired } = world,
    orphans = orphansOf(world.hosts.values(), desired, kinds, world.policies);
  return {
    commit: desired.commit,
    tree: desired.tree,
    resources: byKey(desired.resources).map(([id, { digest, resource, file, where }]) => [
      id,
      digest,
      resource,
      file,
      where(),
      where("spec.on"),
    ]),
    instances: byKey(desired.instances).map(([id, { host, ask, resource }]) => [
      id,
      host,
      ask,
      resource.digest,
      resource === desired.resources.get(resource.id),
    ]),
    byResource: byKey(desired.byResource).map(([id, list]) => [id, list.map((one) => one.host)]),
    byHost: byKey(desired.byHost).map(([host, list]) => [host, sorted(list.map((one) => one.id))]),
    same: [...desired.byResource.values(), ...desired.byHost.values()].flat().every((one) => one === desired.instances.get(one.id)),
    warnings: desired.warnings,
    conflicts: desired.claims.conflicts(),
    hosts: byKey(world.hosts),
    assessments: sorted(desired.instances.keys()).map((id) => world.assessment(id)),
    open: sorted([...world.open()].map(({ id }) => id)),
    inSync: world.inSync(),
    askKeys: hostNames.map((host) => world.askKeys(host)),
    asks: hostNames.map((host) => sorted(world.asks(host).map(askKey))),
    policies: world.policies.map(({ hosts: _, ...policy }) => policy),
    settings: world.settings,
    orphans,
    plan: makePlan({
      kinds,
      desired,
      hosts: world.hosts,
      fact: world.fact,
      assessments: world.open(),
      inSync: world.inSync(),
      synced: () => undefined,
      tainted: () => false,
      policies: world.policies,
      orphans,
      recent: [],
      busy: () => false,
      approval: world.settings.approval,
      now: 1000,
    }),
  };
}

/** A controller that starts now, with what hosts told so far. */
async function startedNow(from: Controller, commit: string): Promise<{ world: World; problems: readonly Problem[] }> {
  const loader = createLoader(options),
    loaded = await loader.load(from.snapshots.get(commit)!),
    world = createWorld(kinds, options.now);
  await loader.close();
  if (!loaded.ok) return { world, problems: loaded.problems };
  world.setHosts(from.fleet.views(loaded.loaded.resources));
  world.setCommit(loaded.loaded);
  for (const { host, askKey: key } of world.desired.instances.values()) {
    const fact = from.world.fact(host, key);
    if (fact !== undefined) world.setFact(fact);
  }
  return { world, problems: [...world.desired.claims.conflicts(), ...loaded.warnings] };
}

function happen(event: Event, { world, fleet }: Controller): void {
  if (event.do === "state") return void world.setHost(setState(fleet, event.host, event.online));
  if (event.do === "facts") {
    for (const id of sorted(world.desired.instances.keys()).slice(0, event.some)) {
      const { host, askKey: key, ask } = world.desired.instances.get(id)!;
      if (ask.probe !== "file") continue;
      const { path } = ask.input as { path: string },
        there = { path, type: "file", text: "one", sha256: createHash("sha256").update("one").digest("hex") };
      const fact = factOf(host, key, event.there ? there : { path, type: "missing" });
      expect(world.setFact(fact)).toContain(id);
      expect(world.fact(host, key)).toBe(fact);
    }
    return;
  }
  const value = {
    bootId: "b",
    os: { id: event.os, version: "1", name: event.os },
    virtualization: "none",
    addresses: ["192.0.2.1"],
  };
  const view = fleet.absorb(factOf(event.host, "host {}", value));
  if (view !== undefined) world.setHost(view);
  const owned = fleet.absorb(factOf(event.host, "owned {}", { owned: [{ claim: "file:/etc/0", resource: "File/f0", made: true }] }));
  if (owned !== undefined) world.setHost(owned);
}

const factOf = (host: string, key: string, value: unknown): Fact => ({ host, key, at: 0, digest: JSON.stringify(value), value });

/** What tells whether an instance has to be judged anew. */
const stands = ({ desired, assessment }: World): Map<string, string> =>
  new Map([...desired.instances.values()].map(({ id, resource }) => [id, JSON.stringify([resource.digest, assessment(id)])]));

test("a commit taken in by what it changes leads to what everything read anew leads to", { timeout: 120_000 }, async () => {
  let patches = 0,
    refused = 0;
  await fc.assert(
    fc.asyncProperty(
      pick(0, 4, 20, 2000),
      fc.array(fc.tuple(edits, fc.array(events, { maxLength: 2 })), { minLength: 3, maxLength: 12 }),
      async (most, steps) => {
        const controller = controllerOf(most),
          { world, force, snapshots, watched, settled, loader } = controller;
        let files: Files = { "manifests/0.yaml": "", "files/s0": "one", "files/s1": "one", "secrets/db.age.yaml": secrets[0]! };
        snapshots.set("c0", snapshotOf("c0", files));
        await force.take("c0");
        for (const [at, [edit, happens]] of steps.entries()) {
          for (const event of happens) happen(event, controller);
          files = Object.fromEntries(Object.entries({ ...files, ...edit }).filter((entry): entry is [string, string] => entry[1] !== null));
          const commit = `c${at + 1}`,
            before = stands(world),
            inForce = said(world),
            { policies } = world,
            selections = world.selections();
          snapshots.set(commit, snapshotOf(commit, files));
          settled.clear();
          await force.take(commit);
          const fresh = await startedNow(controller, commit);
          expect(force.problems()).toEqual(fresh.problems);
          if (force.problems().some(({ severity }) => severity === "error")) {
            refused += 1;
            expect(said(world)).toEqual(inForce);
            continue;
          }
          expect(said(world)).toEqual(said(fresh.world));
          for (const host of hostNames) expect(sorted((watched.get(host) ?? []).map(askKey))).toEqual(sorted(world.asks(host).map(askKey)));
          const changed = [...stands(world)].flatMap(([id, now]) => (before.get(id) === now ? [] : [id])),
            otherwise = JSON.stringify(policies) === JSON.stringify(world.policies) ? [] : [...world.open()].map(({ id }) => id);
          const gone = settled.has("all") ? [] : [...before.keys()].filter((id) => !world.desired.instances.has(id));
          expect([...changed, ...otherwise, ...gone].filter((id) => !settled.has(id))).toEqual([]);
          if (world.selections() === selections) patches += 1;
        }
        await loader.close();
      },
    ),
    { numRuns: 200 },
  );
  expect(patches).toBeGreaterThan(300);
  expect(refused).toBeGreaterThan(50);
});

test("what happens while a commit is compared on the side is part of what takes effect", { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      manifest,
      manifest,
      fc.array(fc.option(events, { freq: 2 }), { minLength: 4, maxLength: 12 }),
      async (first, second, happens) => {
        const controller = controllerOf(0),
          { world, force, fleet, snapshots, loader } = controller,
          rest = { "files/s0": "one", "files/s1": "one", "secrets/db.age.yaml": secrets[0]! };
        snapshots.set("c0", snapshotOf("c0", { ...rest, "manifests/0.yaml": first }));
        snapshots.set("c1", snapshotOf("c1", { ...rest, "manifests/0.yaml": first, "manifests/1.yaml": second }));
        await force.take("c0");
        const loaded = await loader.load(snapshots.get("c1")!);
        await loader.close();
        if (!loaded.ok) return;
        const preparing = world.prepare(loaded.loaded, fleet.views(loaded.loaded.resources));
        let step = preparing.next();
        for (const event of happens) {
          if (event !== null) happen(event, controller);
          for (let pieces = 0; step.done !== true && pieces < 3; pieces++) step = preparing.next();
        }
        while (step.done !== true) step = preparing.next();
        if ("conflicts" in step.value) return;
        fleet.setHostResources(loaded.loaded.resources);
        world.enter(step.value, fleet.view);
        expect(said(world)).toEqual(said((await startedNow(controller, "c1")).world));
      },
    ),
    { numRuns: 200 },
  );
});

test("what a host tells while a commit is compared on the side is taken by the Host resources in force, also where the commit is refused", async () => {
  const controller = controllerOf(0),
    { world, force, snapshots, loader } = controller;
  const system: Event = { do: "system", host: "a", os: "debian" },
    file = (name: string, path: string, on: string) => doc("File", name, [`on: ${on}`, `path: ${path}`, "content: one"]),
    many = Array.from({ length: 3000 }, (_, at) => file(`n${at}`, `/many/${at}`, '"*"')).join("\n---\n"),
    tagged = doc("Host", "a", ["tags: [web]"]);
  const files = { "manifests/0.yaml": file("f0", "/etc/0", "tag=web") };
  snapshots.set("c0", snapshotOf("c0", files));
  snapshots.set("c1", snapshotOf("c1", { ...files, "manifests/1.yaml": `${many}\n---\n${tagged}\n---\n${file("again", "/many/0", "a")}` }));
  snapshots.set("c2", snapshotOf("c2", { ...files, "manifests/1.yaml": `${many}\n---\n${tagged}` }));
  await force.take("c0");
  happen(system, controller);
  const inForce = said(world);
  const told = async (commit: string): Promise<number> => {
    let over = false,
      times = 0;
    const taken = force.take(commit).finally(() => (over = true));
    for (; !over; await new Promise((resolve) => setImmediate(resolve))) {
      if (world.desired.commit === commit) continue;
      happen(system, controller);
      expect(world.desired.instances.has("File/f0@a")).toBe(false);
      times++;
    }
    await taken;
    return times;
  };
  expect(await told("c1")).toBeGreaterThan(2);
  expect(force.problems().map(({ code }) => code)).toEqual(["manifest/claimed-twice"]);
  expect(said(world)).toEqual(inForce);
  expect(await told("c2")).toBeGreaterThan(2);
  expect(world.desired.instances.has("File/f0@a")).toBe(true);
  expect(said(world)).toEqual(said((await startedNow(controller, "c2")).world));
  await loader.close();
});
