import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { pathParameters } from "./endpoint.ts";
import { type Parameters } from "./parameters.ts";
import { readExchanges, replay } from "./replay.fixture.ts";
import { scenarios } from "./scenarios.fixture.ts";
import { endpointTable } from "./table.ts";
import type { Auth } from "./auth.ts";

/** Proxmox VE's description of its API, and exchanges recorded with a real cluster: where they are at hand, ours is held against them. */
const folder = process.env["PVE_REFERENCE"] ?? resolve(fileURLToPath(new URL("../../../../shared/pve", import.meta.url)));
const found = existsSync(join(folder, "api-8.json"));
const nobody: Auth = {
  identify: () => {
    throw new Error("nobody logs in here");
  },
  login: () => undefined,
};
const table = endpointTable(nobody);

interface Described {
  readonly parameters: { readonly properties?: Record<string, DescribedParameter> };
}
interface DescribedParameter {
  readonly optional?: number;
  readonly type?: string;
  readonly minimum?: number | string;
  readonly maximum?: number | string;
  readonly maxLength?: number;
  readonly enum?: readonly string[];
}

/** Everything that is wrong with a table held against a description. */
function faults(api: Readonly<Record<string, Described>>, major: number): string[] {
  return Object.entries(table).flatMap(([line, endpoint]) => {
    if ((endpoint.from ?? 0) > major || (endpoint.until ?? 99) < major) return [];
    if (line === "GET /") return [];
    const described = api[line];
    if (described === undefined) return [`${line}: is not there`];
    const properties = described.parameters.properties ?? {};
    // Rules of version 9 are described by alternatives, which this description does not keep.
    if (line.includes("/cluster/ha/rules")) return [];
    const parts = [...line.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
    const ours: Parameters = { ...endpoint.parameters, ...Object.fromEntries(parts.map((name) => [name, pathParameters[name]!])) };
    return [...parameterFaults(line, ours, properties), ...missing(line, ours, properties)];
  });
}

function parameterFaults(line: string, ours: Parameters, properties: Readonly<Record<string, DescribedParameter>>): string[] {
  return Object.entries(ours).flatMap(([name, parameter]) => {
    const theirs = properties[name];
    if (theirs === undefined) return [`${line}: ${name} is not described`];
    const wrong: string[] = [];
    if (theirs.type !== parameter.type) wrong.push(`type ${parameter.type}, not ${theirs.type}`);
    // A part of the path is always given.
    if (!line.includes(`{${name}}`) && (theirs.optional === 1) === (parameter.required === true))
      wrong.push(theirs.optional === 1 ? "is optional" : "is required");
    for (const limit of ["minimum", "maximum"] as const)
      if (parameter[limit] !== undefined && parameter[limit] !== Number(theirs[limit]))
        wrong.push(`${limit} ${parameter[limit]}, not ${theirs[limit]}`);
    const odd = (parameter.enum ?? []).filter((value) => theirs.enum !== undefined && !theirs.enum.includes(value));
    if (odd.length > 0) wrong.push(`takes ${odd.join(", ")}`);
    return wrong.map((text) => `${line}: ${name} ${text}`);
  });
}

const missing = (line: string, ours: Parameters, properties: Readonly<Record<string, DescribedParameter>>): string[] =>
  Object.entries(properties)
    .filter(([name, { optional }]) => optional !== 1 && ours[name] === undefined)
    .map(([name]) => `${line}: ${name} is required`);

const describedApi = (major: number): Readonly<Record<string, Described>> =>
  JSON.parse(readFileSync(join(folder, `api-${major}.json`), "utf8")) as Readonly<Record<string, Described>>;

/** Exchanges that do not agree, by scenario and number, with why they cannot or need not. */
const leftOut: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  inventory: {
    59: "the recorded nodes ran without chrony, cron, ksmtuned and postfix",
    66: "the recorded nodes' disk was a virtual one of unknown type",
    90: "as 59",
    97: "as 66",
    100: "the recorded node had no figures for the time before its start",
  },
  errors: {
    192: "which of two new guests pvestatd had seen by then was chance",
    391: "as late as pvestatd was there",
  },
};
/** How many of the recorded exchanges agree. It may rise; it falls only by a change of this line. */
const agreeing = 1447;

describe.skipIf(!found)("held against a real Proxmox VE (set PVE_REFERENCE to the folder of its description and recordings)", () => {
  test.each([8, 9])("every endpoint and parameter of ours is in the description of version %d", (major) => {
    expect(faults(describedApi(major), major)).toEqual([]);
  });

  test("the recorded requests are answered as they were", { timeout: 120_000 }, async () => {
    let agreed = 0,
      all = 0;
    const unexpected: string[] = [],
      superfluous: string[] = [];
    for (const [name, scenario] of Object.entries(scenarios)) {
      const outcomes = await replay(
        readExchanges(join(folder, "recordings", scenario.file)),
        scenario,
        new Set(Object.keys(leftOut[name] ?? {}).map(Number)),
      );
      for (const { seq, line, difference } of outcomes) {
        all += 1;
        const known = leftOut[name]?.[seq];
        if (difference === undefined) agreed += 1;
        if (difference !== undefined && known === undefined) unexpected.push(`${name} ${seq} ${line}: ${difference}`);
        if (difference === undefined && known !== undefined) superfluous.push(`${name} ${seq}`);
      }
    }
    expect({ unexpected, superfluous }).toEqual({ unexpected: [], superfluous: [] });
    expect(all).toBeGreaterThanOrEqual(1454);
    expect(agreed).toBeGreaterThanOrEqual(agreeing);
  });
});
