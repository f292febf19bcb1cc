import { expect, test } from "vitest";
import type { Client } from "./client.ts";
import { wholeRun } from "./whole-run.ts";

const ids = [
  "run-86c3edc4-f3af-4a61-b5d5-2626fde351e0",
  "run-86c3aaaa-f3af-4a61-b5d5-2626fde351e0",
  "run-58d75ce1-51c4-46b8-a459-bb94b86edfa8",
];
const client = { runs: async (most: number) => ids.slice(0, most).map((id) => ({ id })) } as unknown as Client;

test.each([
  ["last", ids[0]],
  ["58d7", ids[2]],
  ["run-58d75ce1", ids[2]],
  [ids[1]!, ids[1]],
  ["58", "58"],
  ["run-0000", "run-0000"],
])("%s means the run %s", async (given, id) => expect(await wholeRun(client, given)).toBe(id));

test("a beginning of several runs means none of them", async () => {
  await expect(wholeRun(client, "86c3")).rejects.toThrow("86c3 is the beginning of 2 runs");
});
