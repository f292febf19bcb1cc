import { beforeEach, expect, test } from "vitest";
import type { FactReport } from "../../schemas/report.ts";
import type { Clock } from "./clock.ts";
import { silent } from "./log.ts";
import type { Verbs } from "./verbs.ts";
import { type Watch, watch } from "./watch.ts";

/** A clock that goes on when told, and lets everything that was due happen. */
class HandClock implements Clock {
  #now = 1_000_000;
  #due: { at: number; run: () => void }[] = [];
  now(): number {
    return this.#now;
  }
  after(ms: number, run: () => void): () => void {
    const one = { at: this.#now + ms, run };
    this.#due.push(one);
    return () => void (this.#due = this.#due.filter((other) => other !== one));
  }
  get timers(): number {
    return this.#due.length;
  }
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const next = this.#due.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#due = this.#due.filter((other) => other !== next);
      this.#now = next.at;
      next.run();
    }
    this.#now = end;
  }
}

const ask = { probe: "service", input: { unit: "a.service" } };
let clock: HandClock, values: Map<string, unknown>, probed: number, reported: FactReport[], watching: Watch;
beforeEach(() => {
  [clock, values, probed, reported] = [new HandClock(), new Map(), 0, []];
});

function over(watchers: Verbs["watchers"]): void {
  watching = watch({
    verbs: { watchers },
    probe: async ({ input }) => {
      probed += 1;
      return { at: clock.now(), value: values.get(JSON.stringify(input)) ?? null };
    },
    usable: () => true,
    report: (fact) => reported.push(fact),
    clock,
    log: silent,
  });
}
const seen = () => reported.map((fact) => fact.value);
const become = (value: unknown) => void values.set(JSON.stringify(ask.input), value);

test("a probe without a watcher is looked at now and then", async () => {
  over({});
  watching.set([ask]);
  await clock.pass(100);
  become("other");
  await clock.pass(20_000);
  expect(seen()).toEqual([null]);
  await clock.pass(11_000);
  expect(seen()).toEqual([null, "other"]);
});

test("a watcher that cannot be made costs time, and is tried again", async () => {
  let tries = 0,
    dirty: (input: { unit: string }) => void = () => {};
  over({
    service: async (mark) => {
      if (++tries === 1) throw new Error("no D-Bus");
      dirty = mark;
      return { set: () => Promise.resolve(), close: () => Promise.resolve() };
    },
  });
  watching.set([ask]);
  become("polled");
  await clock.pass(31_000);
  expect(seen()).toEqual(["polled"]);
  await clock.pass(6 * 60_000);
  expect(tries).toBe(2);
  become("told");
  dirty(ask.input);
  await clock.pass(6);
  expect(seen()).toEqual(["polled", "told"]);
});

test("no change falls between the first look and the watching", async () => {
  let ready = (): void => {};
  over({ service: async () => ({ set: () => new Promise<void>((resolve) => (ready = resolve)), close: () => Promise.resolve() }) });
  watching.set([ask]);
  await clock.pass(100);
  become("changed meanwhile");
  ready();
  await clock.pass(100);
  expect(seen()).toEqual(["changed meanwhile"]);
});

test("a watcher that never gets ready does not hold the first look back", async () => {
  over({ service: () => new Promise(() => {}) });
  watching.set([ask]);
  await clock.pass(3000);
  expect(seen()).toEqual([null]);
});

test("a change that no sign told of is found within six minutes; one that is none is not reported", async () => {
  over({ service: async () => ({ set: () => Promise.resolve(), close: () => Promise.resolve() }) });
  watching.set([ask]);
  await clock.pass(1000);
  become("missed");
  await clock.pass(6 * 60_000);
  const looks = probed;
  await clock.pass(60 * 60_000);
  expect(seen()).toEqual([null, "missed"]);
  expect(probed).toBeGreaterThan(looks);
});

test("what is not watched any more is neither read nor reported; timers do not grow with keys", async () => {
  over({});
  const asks = Array.from({ length: 1000 }, (_, n) => ({ probe: "file", input: { path: `/${n}` } }));
  watching.set(asks);
  await clock.pass(1000);
  expect(reported).toHaveLength(1000);
  expect(clock.timers).toBeLessThan(4);
  watching.change([], asks.slice(1));
  const before = probed;
  await clock.pass(31_000);
  expect(probed - before).toBe(1);
});

test("metrics are reported when they moved by enough", async () => {
  over({});
  const input = {},
    figures = {
      cpu: 10,
      memory: 40,
      swap: 0,
      load: 0.1,
      disks: [{ mount: "/", used: 50 }],
      network: { receivedPerSecond: 100, sentPerSecond: 100 },
    };
  values.set("{}", figures);
  watching.set([{ probe: "metrics", input }]);
  await clock.pass(1000);
  values.set("{}", { ...figures, cpu: 12, network: { receivedPerSecond: 9000, sentPerSecond: 0 } });
  await clock.pass(20_000);
  expect(reported).toHaveLength(1);
  values.set("{}", { ...figures, cpu: 16 });
  await clock.pass(11_000);
  expect(reported).toHaveLength(2);
});

test("who changed it, found out after the value was told, is told with the value once more", async () => {
  let dirty: (input: { unit: string }, by?: { who: string; how: string }) => void = () => {};
  over({
    service: async (mark) => {
      dirty = mark;
      return { set: () => Promise.resolve(), close: () => Promise.resolve() };
    },
  });
  watching.set([ask]);
  await clock.pass(100);
  become("other");
  const by = { who: "alice (sudo)", how: "vi" };
  for (const author of [undefined, by, by, undefined]) {
    dirty(ask.input, author);
    await clock.pass(100);
  }
  expect(reported.map((fact) => [fact.value, fact.by])).toEqual([
    [null, undefined],
    ["other", undefined],
    ["other", by],
  ]);
});
