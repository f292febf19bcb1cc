import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { printProblem } from "../../schemas/problem.ts";
import { probes } from "../../schemas/verbs/index.ts";
import { patternWords } from "../core/pattern-words.ts";
import { createApi } from "./api.ts";
import { createMetrics } from "./metrics.ts";
import { allRoutes } from "./routes/index.ts";
import { type StandIn, standIn } from "./testing.ts";

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
let stand: StandIn, app: FastifyInstance;

beforeEach(async () => {
  stand = standIn();
  app = await createApi({ controller: stand.controller, log, config: { version: "0", requireAuth: true, hosts: [] } });
});
afterEach(() => app.close());

const enrol = "/api/v1/enrol-tokens",
  query = "/api/v1/queries";
const body = (text: string): string => `error: Unable to read the body of the request: ${text}`;

test.each([
  [
    enrol,
    { host: "Web 01" },
    `host: ${body('host cannot be "Web 01": it has to be lower case letters, digits and hyphens, at most 63, no hyphen at either end')}\n    Such as web-01.`,
  ],
  [
    enrol,
    { tags: ["a", "b c"] },
    `tags.1: ${body('tags.1 cannot be "b c": it has to be lower case letters, digits, hyphens, dots and underscores, at most 63')}\n    Such as webserver.`,
  ],
  [enrol, { tags: "web" }, `tags: ${body('tags has to be a list, not "web"')}`],
  [
    enrol,
    { labels: { "Team!": "x" } },
    `labels: ${body('"Team!" cannot be a name in labels')}\n    A name is lower case letters, digits, hyphens, dots and slashes, a letter or digit at either end.`,
  ],
  [enrol, { uses: 0 }, `uses: ${body("uses has to be at least 1, not 0")}`],
  [enrol, { uses: 1.5 }, `uses: ${body("uses has to be a whole number, not 1.5")}`],
  [enrol, { hots: "x" }, `${body("there is no field hots")}\n    Did you mean host?`],
  [
    "/api/v1/tokens",
    { name: "-x", role: "admin" },
    `name: ${body('name cannot be "-x": it has to be letters, digits, blanks, @, dots, underscores and hyphens, a letter or digit first')}\n    Such as ci.`,
  ],
  [
    "/api/v1/tokens",
    { name: "x", role: "oprator" },
    `role: ${body('role has to be one of viewer, operator, approver, admin, not "oprator"')}\n    Did you mean operator?`,
  ],
  ["/api/v1/tokens", { role: "viewer" }, body("name is missing")],
  [
    "/api/v1/commits",
    { edits: [{ path: "a", text: 7 }], message: "x" },
    `edits.0.text: ${body("edits.0.text has to be a text or null, not 7")}`,
  ],
  [
    query,
    { host: "web-01", probe: "service", input: { unit: "nginx" } },
    'unit: error: Unable to read the input of the probe service: unit cannot be "nginx": it has to be a unit with its ending, such as nginx.service',
  ],
  [query, { host: "web-01", probe: "file", input: {} }, "error: Unable to read the input of the probe file: path is missing"],
])("%s with %j is refused in plain words", async (url, payload, said) => {
  const answer = await app.inject({ method: "POST", url, headers: { authorization: `Bearer ${stand.secrets.admin}` }, payload });
  expect([answer.statusCode, answer.json().problems.map(printProblem)]).toEqual([400, [said]]);
});

test("every pattern that a request or a probe's input has to keep to is said in words", () => {
  const routes = allRoutes(
    { controller: stand.controller, log },
    { metrics: createMetrics(), streams: { heartbeat: 1, drain: 1 }, installer: undefined, document: () => ({}) },
  );
  const schemas = [
    ...routes.flatMap(({ params, query: asked, body: sent }) => [params, asked, sent]),
    ...Object.values(probes).map(({ input }) => input),
  ];
  const all = new Set(schemas.flatMap(patterns));
  expect(all.size).toBeGreaterThan(5);
  expect([...all].filter((pattern) => pattern !== "^.*$" && patternWords(pattern) === undefined)).toEqual([]);
});

/** Every pattern below a schema. */
function patterns(schema: unknown): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const own = Object.entries(schema).flatMap(([key, value]) =>
    key === "pattern" && typeof value === "string" ? [value] : key === "patternProperties" ? Object.keys(value as object) : [],
  );
  return [...own, ...Object.values(schema).flatMap(patterns)];
}
