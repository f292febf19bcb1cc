import { expect, onTestFinished, test, vi } from "vitest";
import type { Clock } from "./clock.ts";
import { link } from "./link.ts";
import { linkedPair } from "./linked-pair.ts";
import { silent } from "./log.ts";
import type { Dial } from "./transport.ts";

const welcome = { type: "welcome", protocol: 1, controller: "c1", time: 1, sealKey: "", acked: 0, host: "w1" };

/** Waits between so many connections, with a clock on which they take no time and chance at its worst. */
async function waitsOver(count: number, dial: Dial): Promise<number[]> {
  vi.spyOn(Math, "random").mockReturnValue(0.999);
  onTestFinished(() => void vi.restoreAllMocks());
  const waits: number[] = [],
    enough = Promise.withResolvers<void>();
  const clock: Clock = {
    now: () => 0,
    after(ms, run) {
      // Those of a connection (welcome, silence) are longer than any wait between two.
      if (ms !== 15_000 && ms !== 45_000) {
        if (waits.push(ms) >= count) enough.resolve();
        else setImmediate(run);
      }
      return () => {};
    },
  };
  const one = link({
    controllers: ["https://controller.test"],
    dial,
    hello: () => ({ type: "pong", id: 1, time: 0 }),
    welcomed: () => undefined,
    received: () => {},
    closed: () => {},
    changed: () => {},
    clock,
    log: silent,
  });
  await enough.promise;
  await one.stop();
  return waits;
}

test("a controller that was there and went away is tried again within seconds, however often that happens", async () => {
  const waits = await waitsOver(12, () => {
    const [agent, hub] = linkedPair();
    hub.onMessage(() => {
      hub.send(JSON.stringify(welcome));
      setImmediate(() => hub.close("going"));
    });
    return Promise.resolve(agent);
  });
  expect(Math.max(...waits)).toBeLessThan(5100);
  expect(waits[0]).toBeLessThan(500);
});

test("a controller that is not there is tried less and less often", async () => {
  const waits = await waitsOver(12, () => Promise.reject(new Error("connection refused")));
  expect(waits.at(-1)).toBeGreaterThan(29_000);
  expect(waits).toEqual(waits.toSorted((a, b) => a - b));
});
