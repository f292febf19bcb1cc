import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import { Moment } from "./moment.ts";
import { journalProbe } from "./verbs/journal.ts";
import { packageProbe } from "./verbs/package.ts";
import { serviceProbe } from "./verbs/service.ts";

const valid = (schema: object, value: unknown): boolean => new Ajv2020({ strict: false }).validate(schema, value);

test("every moment can be shown, with the offset of a clock that is as wrong as can be", () => {
  const latest = (Moment as unknown as { maximum: number }).maximum;
  expect([valid(Moment, latest), valid(Moment, latest + 1), valid(Moment, -1), valid(Moment, 1e300)]).toEqual([true, false, false, false]);
  expect(new Date(2 * latest).toISOString()).toMatch(/Z$/);
  expect(new Date(-latest).toISOString()).toMatch(/Z$/);
});

test("no fact says a time that is none", () => {
  const service = (since: number) => ({ unit: "a.service", load: "loaded", active: "active", sub: "running", enabled: "enabled", since });
  const at = (upgradedAt: number) => ({ name: "a", manager: "apt", installed: true, upgradedAt });
  const lines = (time: number) => ({ entries: [{ at: time, text: "x" }], truncated: false });
  expect([valid(packageProbe.output, at(1)), valid(packageProbe.output, at(1e300))]).toEqual([true, false]);
  expect([valid(journalProbe.output, lines(1)), valid(journalProbe.output, lines(1e300))]).toEqual([true, false]);
  expect([valid(serviceProbe.output, service(1)), valid(serviceProbe.output, service(1e300))]).toEqual([true, false]);
});
