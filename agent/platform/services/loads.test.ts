import { expect, test } from "vitest";
import type { ServiceFact } from "../../../schemas/verbs/service.ts";
import { volatileMemory } from "../../runtime/volatile-memory.ts";
import { watchLoads } from "./loads.ts";
import { noServices } from "./none.ts";
import type { ServiceReading } from "./platform.ts";

const unit = "nginx.service";
const fact: ServiceFact = { unit, load: "loaded", active: "active", enabled: "enabled" };
const read = (loadedAt: number, startedAt = loadedAt): ServiceReading => ({ fact, id: unit, loadedAt, startedAt });

/** Marks of a host whose clock is set by hand; its init system tells nothing by itself. */
async function stand() {
  const clock = { now: 10_000 },
    memory = volatileMemory({ now: () => clock.now, after: () => () => {} });
  const loads = await watchLoads(noServices(), memory, () => clock.now);
  const marked = (): string[] => memory.marks().map(({ path }) => path);
  return { clock, memory, loads, marked };
}

test("what a unit has loaded since is no longer due; a reload does not load drop-ins", async () => {
  const { clock, memory, loads, marked } = await stand();
  await memory.mark("/etc/nginx/a.conf", [unit]);
  await loads.markDropIns(unit, ["limits"]);
  clock.now = 20_000;
  await loads.seen(read(15_000, 5000));
  expect([marked(), loads.due(unit)]).toEqual([["nginx.service.d/limits"], ["limits"]]);
  await loads.seen(read(15_000, 15_000));
  expect(marked()).toEqual([]);
});

test("a clock that is set back between a change and the reload for it: the reload counts, and is not asked for again", async () => {
  const { clock, memory, loads, marked } = await stand();
  await memory.mark("/etc/nginx/a.conf", [unit]);
  clock.now = 1000;
  const marks = loads.marked(unit, "reload");
  await memory.mark("/etc/nginx/b.conf", [unit]);
  await loads.loaded(marks);
  expect(marked()).toEqual(["/etc/nginx/b.conf"]);
});

test("a clock that is set back before a change: a load from before it does not count as one after it", async () => {
  const { clock, memory, loads, marked } = await stand();
  clock.now = 1000;
  await memory.mark("/etc/nginx/a.conf", [unit]);
  await loads.seen(read(10_000));
  expect(marked()).toEqual(["/etc/nginx/a.conf"]);
  clock.now = 2000;
  await loads.seen(read(1500));
  expect(marked()).toEqual([]);
});
