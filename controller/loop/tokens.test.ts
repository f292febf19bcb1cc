import { expect, test } from "vitest";
import { problemsOf, statusOf } from "../http/problem.ts";
import { ann, stageFor } from "./testing.ts";

test("a name that somebody goes by already is refused, until the token is revoked", async () => {
  const { controller } = await stageFor({ files: { "manifests/none.yaml": "" }, hosts: {} });
  const make = (name: string): Promise<{ id: string }> => controller.createApiToken(name, "operator", undefined, ann);
  const refused = async (name: string): Promise<unknown[]> => {
    const problems = problemsOf(await make(name).catch((failure: unknown) => failure));
    return [problems[0]?.summary, statusOf(problems[0]!)];
  };
  const { id } = await make("ci");
  expect(await refused("ci")).toEqual(["Unable to make a token named ci: there is a valid one of this name", 409]);
  expect(await refused("Drift Correction")).toEqual([
    "Unable to make a token named Drift Correction: the controller itself goes by this name",
    409,
  ]);
  await controller.revokeApiToken(id, ann);
  await make("ci");
  expect((await controller.apiTokens()).map(({ name, revokedAt }) => [name, revokedAt !== undefined])).toEqual([
    ["ci", true],
    ["ci", false],
  ]);
});

test("a caller is who holds the token, whoever had its name before", async () => {
  const { controller } = await stageFor({ files: { "manifests/none.yaml": "" }, hosts: {} });
  const first = await controller.createApiToken("ci", "operator", undefined, ann);
  expect(await controller.callerOf(first.secret)).toEqual({ name: "ci", role: "operator", token: first.id });
  await controller.revokeApiToken(first.id, ann);
  const second = await controller.createApiToken("ci", "operator", undefined, ann);
  expect([await controller.callerOf(first.secret), (await controller.callerOf(second.secret))?.token]).toEqual([undefined, second.id]);
});
