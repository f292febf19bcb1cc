import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import type { Plan } from "../../schemas/plan.ts";
import { breakSomething } from "./faults.ts";
import { firstRun } from "./first-run.ts";
import { type Stand, startStand } from "./stand.ts";

const me = { name: "law", role: "admin" } as const;
let folder: string, stand: Stand;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "backend-ai-laws-"));
  stand = await startStand({ folder, hosts: 12, seed: 3 });
  const { controller } = stand.running,
    path = "manifests/policies.yaml",
    policies = (await controller.fileText(path)) ?? "";
  // The limit on removals would stop what the laws are about.
  await controller.commit([{ path, text: policies.replace(/\n +limits:.*/, "") }], { message: "No limits", source: "cli" }, me);
  await firstRun(controller);
});
afterAll(async () => {
  await stand.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Document {
  readonly kind: string;
  readonly name: string;
  readonly spec: Record<string, unknown>;
}

const where = fc.constantFrom("*", "tag=web", "tag=app | tag=database", "!tag=production", "name=web-01", "os=debian");
const text = fc.string({ maxLength: 40 }).map((line) => `${line.replace(/[^\x20-\x7e]/g, "?")}\n`);
const mode = fc.constantFrom("0644", "0600", "0755");

/** A file of its own path, so that no two resources claim one. */
const file = (at: number): fc.Arbitrary<Document> =>
  fc.record({ on: where, content: text, mode, absent: fc.boolean() }).map(({ on, content, mode: bits, absent }) => ({
    kind: "File",
    name: `law-${at}`,
    spec: { on, path: `/etc/law-${at}.conf`, ...(absent ? { state: "absent" } : { content, mode: bits }) },
  }));
const loaded: fc.Arbitrary<Document> = fc.record({ content: text, restart: fc.boolean() }).map(({ content, restart }) => ({
  kind: "File",
  name: "law-loaded",
  spec: {
    on: "tag=edge",
    path: "/etc/haproxy/law.cfg",
    content: `# ${content}`,
    [restart ? "restarts" : "reloads"]: ["Service/law-proxy"],
  },
}));
const service: fc.Arbitrary<Document> = fc
  .record({ state: fc.constantFrom("running", "stopped"), enabled: fc.boolean() })
  .map((spec) => ({ kind: "Service", name: "law-proxy", spec: { on: "tag=edge", unit: "haproxy.service", ...spec } }));
const pack: fc.Arbitrary<Document> = fc
  .record({ on: where, state: fc.constantFrom("present", "absent") })
  .map((spec) => ({ kind: "Package", name: "curl", spec }));
const documents: fc.Arbitrary<Document[]> = fc.tuple(file(1), file(2), file(3), loaded, service, pack);

const manifest = (list: readonly Document[]): string =>
  list.map(({ kind, name, spec }) => stringify({ apiVersion: "backend-ai/v1", kind, metadata: { name }, spec })).join("---\n");

/** What a plan would do, without the tree that it was made for. */
const doing = ({ changes, later, blocked, unknown }: Plan): unknown => ({ changes, later, blocked, unknown });

let commits = 0;
/** Each commit differs from the one before, also where two runs ask for the same. */
async function commit(list: readonly Document[]): Promise<void> {
  const edits = [{ path: "manifests/law.yaml", text: `# ${++commits}\n${manifest(list)}` }];
  await stand.running.controller.commit(edits, { message: "A law", source: "cli" }, me);
}

/** Says yes to fresh plans until one is empty; how many that took, at most `most`. */
async function converge(most: number): Promise<number> {
  const { controller } = stand.running;
  for (let made = 0; ; made++) {
    await settled();
    const plan = await controller.plan({});
    expect([plan.problems, plan.unknown, plan.blocked]).toEqual([[], [], []]);
    if (plan.changes.length === 0) return made;
    expect(made).toBeLessThan(most);
    await controller.approve(plan.digest, me).catch((refused: { problems?: { code: string }[] }) => {
      // A policy may have begun the same plan in the meantime.
      if (!refused.problems?.every(({ code }) => code.startsWith("conflict/"))) throw refused;
    });
  }
}

/** Waits until every host answered and nothing runs. */
async function settled(): Promise<void> {
  for (;;) {
    const { running, instances } = stand.running.controller.status();
    if (running.length === 0 && instances.unknown === 0) return;
    await pause(10);
  }
}

/** What somebody does behind the controller's back to a host, by its role. */
const harm = fc.constantFrom(
  ["web-01", "stop nginx"],
  ["web-02", "disable nginx"],
  ["web-03", "edit /var/www/shop/index.html"],
  ["app-01", "stop app"],
  ["app-02", "write /etc/app/app.env APP_WORKERS=1"],
  ["db-01", "delete /etc/motd"],
  ["dev-01", "chmod 0600 /etc/motd"],
  ["lb-01", "chown nobody /etc/motd"],
  ["cache-01", "kill redis"],
  ["web-01", "remove nginx"],
);

test("plan, apply, plan: the last plan is empty, whatever the manifests say and whatever drifts", async () => {
  await fc.assert(
    fc.asyncProperty(documents, fc.uniqueArray(harm, { minLength: 1, maxLength: 4, selector: ([host]) => host }), async (list, harms) => {
      await commit(list);
      await converge(2);
      for (const [host, what] of harms) await breakSomething(stand.fleet.get(host!)!, what!);
      // What was broken is reported within a turn or two; a correction may be under way already.
      await pause(50);
      await converge(3);
    }),
    { numRuns: 6, endOnFailure: true },
  );
}, 120_000);

test("the order in which resources are written, and the files they are in, change nothing in a plan", async () => {
  await converge(3);
  const { controller } = stand.running;
  await fc.assert(
    fc.asyncProperty(
      documents.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }), fc.nat(list.length))),
      async ([list, shuffled, cut]) => {
        const one = await controller.preview([{ path: "manifests/law.yaml", text: manifest(list) }]);
        const other = await controller.preview([
          { path: "manifests/law.yaml", text: null },
          { path: "manifests/a-law.yaml", text: manifest(shuffled.slice(0, cut)) },
          { path: "manifests/z-law.yaml", text: manifest(shuffled.slice(cut)) },
        ]);
        expect(one.plan === null ? one.problems : doing(one.plan)).toEqual(other.plan === null ? other.problems : doing(other.plan));
        expect(one.plan).not.toBeNull();
      },
    ),
    { numRuns: 10 },
  );
}, 60_000);
