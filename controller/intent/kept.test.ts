import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { defaultSettings } from "../core/settings-defaults.ts";
import { openStore } from "../store/open.ts";
import type { Spent } from "../store/spending.ts";
import { temporaryFolder, temporaryStore } from "../store/testing.ts";
import { createClaude } from "./claude/claude.ts";
import type { ClaudeOptions } from "./claude/request.ts";
import { createSpending } from "./claude/spending.ts";
import { KEY, OPUS } from "./double/ask.ts";
import { type Double, startDouble } from "./double/double.ts";
import type { Script } from "./double/script.ts";
import { admin, plain, pretendConverse } from "./pretend-converse.ts";

const claudeOf = (double: Double, store: ClaudeOptions["store"], over: Partial<ClaudeOptions> = {}) =>
  createClaude({
    apiKey: KEY,
    baseURL: double.url,
    model: OPUS,
    timeoutMs: 5000,
    maxTokens: 4000,
    repairs: 3,
    limits: defaultSettings.model,
    prices: defaultSettings.model.prices,
    store,
    maxRetries: 0,
    now: Date.now,
    ...over,
  });
const restart = {
  content: [
    {
      type: "tool_use" as const,
      name: "propose_change",
      input: {
        scope_quote: "pay-01",
        steps: [
          {
            action: "service.restart",
            selector: "name=pay-01",
            expected_count: 1,
            params: '{"service":"payment"}',
            condition: "",
            after: [],
          },
        ],
      },
    },
  ],
};
const words = (text: string) => ({
  content: [
    { type: "thinking" as const, thinking: "Hm." },
    { type: "text" as const, text },
  ],
});

test("a conversation and what it cost outlast a kill -9: it goes on, and it is tainted still", async () => {
  const path = join(await temporaryFolder(), "controller.db");
  const child = spawn(process.execPath, [join(import.meta.dirname, "crash.fixture.ts"), path], { stdio: ["ignore", "pipe", "inherit"] }),
    lines = createInterface({ input: child.stdout }),
    heard: { conversation: string; spent: Spent[] }[] = [];
  lines.on("line", (line) => {
    heard.push(JSON.parse(line) as (typeof heard)[number]);
    if (heard.length === 3) child.kill("SIGKILL");
  });
  await Promise.all([once(child, "exit"), once(lines, "close")]);
  const { conversation, spent } = heard.at(-1)!;

  const store = openStore(path);
  await using double = await startDouble({ key: KEY, script: [restart] });
  const claude = claudeOf(double, store.spending),
    on = pretendConverse({}, { claude, store: store.conversations });
  const [before] = await claude.spending.today();
  expect(before!.tokens).toBeGreaterThanOrEqual(spent[0]!.tokens);
  expect(before!.dollars).toBeGreaterThanOrEqual(spent[0]!.dollars);
  on.clock.time = Date.parse("2026-11-20T10:01:00Z");
  const view = await on.converse.ask("restart payment on pay-01", admin, { conversation, requireConfirmation: false });
  expect(view).toMatchObject({ status: "waiting-for-confirmation", source: "claude", plan: { changes: [{ tainted: true }] } });
  expect(view.text).toContain("panic: out of coffee");
  // The double takes back only thinking that nothing was changed before.
  expect(double.requests.map(({ error }) => error)).toEqual([undefined]);
  expect(JSON.stringify(double.requests[0]?.body)).toContain("It is out of coffee.");
  await store.close();
}, 30_000);

describe("a conversation that was kept", () => {
  const kept = async (script: Script, over: Partial<ClaudeOptions> = {}) => {
    const store = await temporaryStore(),
      double = await startDouble({ key: KEY, script });
    const again = (more: Partial<ClaudeOptions> = {}) =>
      pretendConverse({}, { claude: claudeOf(double, store.spending, { ...over, ...more }), store: store.conversations });
    return { store, double, again, [Symbol.asyncDispose]: () => double.close() };
  };

  test("begins anew with another model, since what it held is bound to the first; it stays tainted", async () => {
    await using on = await kept([words("17 hosts."), words("Still 17.")]);
    const { conversation } = await on.again().converse.ask("how many hosts are there?", admin, plain);
    const view = await on.again({ model: "claude-sonnet-5-5" }).converse.ask("and now?", admin, { ...plain, conversation });
    expect(view).toMatchObject({ text: "Still 17.", source: "claude", conversation });
    expect(JSON.stringify(on.double.requests[1]?.body)).not.toContain("17 hosts.");
  });

  test("knows the question that waits, and the phrase that was explained", async () => {
    await using on = await kept([]);
    const offline = { ...plain, offline: true },
      asked = await on.again().converse.ask("restart php-fpm on web-04", admin, offline);
    expect(asked.status).toBe("clarify");
    const view = await on.again().converse.ask("web-03", admin, { ...offline, conversation: asked.conversation });
    expect(view.plan?.changes.map(({ host }) => host)).toEqual(["web-03"]);
  });

  test("ends after a day, is one person's own, and gives way to newer ones of the same person", async () => {
    await using on = await kept([]);
    const offline = { ...plain, offline: true },
      first = (await on.again().converse.ask("list all servers", admin, offline)).conversation;
    const goOn = (caller = admin, later = 0) => {
      const next = on.again();
      next.clock.time += later;
      return next.converse.ask("list all servers", caller, { ...offline, conversation: first });
    };
    await expect(goOn({ name: "eve", role: "admin" })).rejects.toThrow(/no conversation/);
    await expect(goOn(admin, 86_400_001)).rejects.toThrow(/no conversation/);
    expect((await goOn()).conversation).toBe(first);
    const limits = { all: 3, perOwner: 2, bytes: 1000, idleMs: 1000 },
      put = (id: string, owner: string, usedAt: number) => on.store.conversations.put({ id, owner, usedAt, state: "{}" }, limits);
    const there = async (...ids: string[]) => (await Promise.all(ids.map((id) => on.store.conversations.get(id)))).map((one) => one?.id);
    const at = Date.parse("2026-12-01T10:00:00Z");
    await put("a1", "ann", at);
    await put("a2", "ann", at + 1);
    await put("a1", "ann", at + 2);
    await put("a3", "ann", at + 3);
    expect(await there(first!, "a1", "a2", "a3")).toEqual([undefined, "a1", undefined, "a3"]);
    await put("b1", "bob", at + 4);
    await put("b2", "bob", at + 5);
    expect(await there("a1", "a3", "b1", "b2")).toEqual([undefined, "a3", "b1", "b2"]);
    await put("b3", "bob", at + 5000);
    expect(await there("a3", "b1", "b2", "b3")).toEqual([undefined, undefined, undefined, "b3"]);
  });
});

test("conversations that hold much give way together, those used longest ago first", async () => {
  const { conversations } = await temporaryStore(),
    limits = { all: 500, perOwner: 500, bytes: 64 * 1024 * 1024, idleMs: 86_400_000 },
    state = "ä".repeat(2 * 1024 * 1024);
  const ids = Array.from({ length: 20 }, (_, at) => `c${at}`);
  for (const [at, id] of ids.entries()) await conversations.put({ id, owner: id, usedAt: at, state }, limits);
  const there = async (): Promise<string[]> => {
    const found = await Promise.all(ids.map((id) => conversations.get(id)));
    return found.flatMap((one) => one?.id ?? []);
  };
  expect(await there()).toEqual(ids.slice(4));
  await conversations.put({ id: "c4", owner: "c4", usedAt: 20, state: "{}" }, limits);
  await conversations.put({ id: "c0", owner: "c0", usedAt: 21, state }, limits);
  expect(await there()).toEqual(["c0", "c4", ...ids.slice(6)]);
});

describe("the limits of a day", () => {
  const limits = { dollarsPerDay: 10, dollarsPerUser: 5, tokensPerDay: 1000, tokensPerUser: 600 };

  test("hold over a restart, for all and for each person, and begin anew the next day", async () => {
    const store = await temporaryStore();
    let now = Date.parse("2026-11-20T23:00:00Z");
    const again = () => createSpending(store.spending, limits, () => now);
    await again().add({ who: "ann", dollars: 4, tokens: 100 });
    await again().add({ who: "ann", dollars: 1, tokens: 100 });
    expect(await again().exhausted("ann")).toBe("your budget of $5 for today is used up");
    expect(await again().exhausted("bob")).toBeUndefined();
    await again().add({ who: "bob", dollars: 4.9, tokens: 100 });
    expect(await again().exhausted("bob")).toBeUndefined();
    await again().add({ who: "cleo", dollars: 0.1, tokens: 100 });
    expect(await again().exhausted("bob")).toBe("today's budget of $10 is used up");
    now += 3_600_000;
    expect(await again().exhausted("ann")).toBeUndefined();
    await again().add({ who: "ann", dollars: 0, tokens: 600 });
    expect(await again().exhausted("ann")).toBe("your 600 tokens for today are used up");
    await again().add({ who: "bob", dollars: 0, tokens: 400 });
    expect(await again().exhausted("cleo")).toBe("today's 1000 tokens are used up");
    now += 40 * 86_400_000;
    await again().add({ who: "ann", dollars: 1, tokens: 1 });
    expect(await store.spending.of("2026-11-20")).toEqual([]);
  });

  test("a model whose price nobody said is counted in tokens, and stops at their limit", async () => {
    const store = await temporaryStore();
    await using double = await startDouble({ key: KEY, script: [restart] });
    const claude = claudeOf(double, store.spending, { prices: {}, limits: { ...limits, tokensPerDay: 50, tokensPerUser: 50 } }),
      { converse } = pretendConverse({}, { claude });
    const view = await converse.ask("restart payment on pay-01", admin, plain);
    expect(view.text).toMatch(/Cost of understanding it: [1-9]\d* tokens \(the price of claude-opus-5-5 is not known\)\./);
    expect(await claude.spending.today()).toMatchObject([{ who: "ada", dollars: 0 }]);
    expect((await converse.ask("restart payment on pay-01", admin, plain)).text).toContain("today's 50 tokens are used up");
    expect(double.requests.length).toBe(1);
  });

  test("an answer that broke off is counted too", async () => {
    const store = await temporaryStore();
    await using double = await startDouble({
      key: KEY,
      script: [{ ...words("17 hosts."), errorBefore: { place: "message_delta", type: "invalid_request_error" } }, words("17 hosts.")],
    });
    const claude = claudeOf(double, store.spending),
      { converse } = pretendConverse({}, { claude });
    expect(await converse.ask("how many hosts are there?", admin, plain)).toMatchObject({ text: "17 hosts." });
    const [one, other] = double.requests;
    expect([one, other].map((seen) => seen?.error)).toEqual([undefined, undefined]);
    const [{ tokens }] = (await claude.spending.today()) as [Spent];
    const clean = await temporaryStore();
    await using second = await startDouble({ key: KEY, script: [words("17 hosts.")] });
    const single = claudeOf(second, clean.spending);
    await pretendConverse({}, { claude: single }).converse.ask("how many hosts are there?", admin, plain);
    expect(tokens).toBeGreaterThan(((await single.spending.today()) as [Spent])[0].tokens * 1.5);
  });
});

test("a database of an earlier controller takes conversations and spending in", async () => {
  const path = join(await temporaryFolder(), "controller.db");
  await openStore(path).close();
  const before = new DatabaseSync(path);
  before.exec("DROP TABLE conversations; DROP TABLE spending; DROP TABLE tainted; PRAGMA user_version = 1");
  before.close();
  const store = openStore(path);
  await store.spending.add("2026-11-20", { who: "ann", dollars: 1, tokens: 10 });
  expect(await store.spending.of("2026-11-20")).toEqual([{ who: "ann", dollars: 1, tokens: 10 }]);
  await store.desired.setTainted([{ id: "Service/nginx", digests: ["d"] }]);
  expect(await store.desired.tainted()).toEqual([{ id: "Service/nginx", digests: ["d"] }]);
  await store.close();
});
