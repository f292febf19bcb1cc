import { expect, test } from "vitest";
import type { Clock } from "../../runtime/clock.ts";
import { managerPath } from "./bus.ts";
import { pathOfUnit } from "./names.ts";
import { unitChanges } from "./unit-changes.ts";

/** A clock that moves when it is told to. */
function handClock() {
  let now = 0,
    timers: { at: number; run: () => void }[] = [];
  const clock: Clock = {
    now: () => now,
    after(ms, run) {
      const timer = { at: now + ms, run };
      timers.push(timer);
      return () => (timers = timers.filter((one) => one !== timer));
    },
  };
  const pass = (ms: number): void => {
    now += ms;
    for (const timer of timers.filter(({ at }) => at <= now)) {
      timers = timers.filter((one) => one !== timer);
      timer.run();
    }
  };
  return { clock, pass, waiting: () => timers.length };
}

const manager = (member: string, ...body: unknown[]) => ({ path: managerPath, interface: "", member, body });
const properties = (unit: string) => ({ path: pathOfUnit(unit), interface: "", member: "PropertiesChanged", body: [] });

function start() {
  const time = handClock(),
    told: (string | undefined)[] = [];
  const { signal, stop } = unitChanges((unit) => void told.push(unit), time.clock);
  return { ...time, told, signal, stop };
}

test("a unit that systemd only loads to answer is no change, however often it is asked and however late it goes", () => {
  const { told, signal, pass, waiting } = start();
  for (const late of [0, 5, 99]) {
    signal(manager("UnitNew", "cron.service", "/"));
    signal(properties("cron.service"));
    pass(late);
    signal(manager("UnitRemoved", "cron.service", "/"));
    pass(1000);
  }
  expect([told, waiting()]).toEqual([[], 0]);
  // So slow that it was told: that it goes is not told again, or it would never end.
  signal(manager("UnitNew", "cron.service", "/"));
  pass(3000);
  signal(manager("UnitRemoved", "cron.service", "/"));
  expect(told).toEqual(["cron.service"]);
});

test("a unit that starts, one that stays, changes and goes, and whatever concerns all, are told", () => {
  const { told, signal, pass } = start();
  signal(manager("UnitNew", "a.service", "/"));
  signal(manager("JobNew", 7, "/job/7", "a.service"));
  signal(properties("a.service"));
  signal(manager("JobRemoved", 7, "/job/7", "a.service", "done"));
  expect(told.splice(0)).toEqual(["a.service", "a.service", "a.service"]);
  signal(manager("UnitNew", "srv.mount", "/"));
  signal(properties("srv.mount"));
  expect(told).toEqual([]);
  pass(100);
  expect(told.splice(0)).toEqual(["srv.mount"]);
  signal(properties("srv.mount"));
  signal(manager("UnitRemoved", "srv.mount", "/"));
  expect(told.splice(0)).toEqual(["srv.mount", "srv.mount"]);
  signal(manager("UnitNew", "long.service", "/"));
  pass(60_000);
  signal(manager("UnitRemoved", "long.service", "/"));
  expect(told.splice(0)).toEqual(["long.service", "long.service"]);
  signal(manager("Reloading", true));
  signal(manager("Reloading", false));
  signal(manager("UnitFilesChanged"));
  expect(told).toEqual([undefined, undefined]);
});

test("what waits is bounded without a loss, and ends with the watch", () => {
  const { told, signal, pass, waiting, stop } = start();
  for (let at = 0; at < 3000; at++) signal(manager("UnitNew", `run-${at}.scope`, "/"));
  expect([waiting(), told.length, told[0]]).toEqual([1000, 2000, "run-0.scope"]);
  stop();
  pass(1000);
  expect([told.length, waiting()]).toEqual([2000, 0]);
});
