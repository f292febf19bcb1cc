import { expect, test } from "vitest";
import type { AgentFact } from "../../schemas/verbs/agent.ts";
import type { Fact } from "../core/model.ts";
import { selectorHost } from "../core/inventory.ts";
import { comparedAlike } from "./alike.ts";
import { createFleet } from "./fleet.ts";

const releases = [{ version: "0.10.0", name: "agent-linux-x64", size: 1, sha256: "ab", signature: "s" }];
const state = (host: string, more: object = {}) => ({
  agent: `agent-of-${host}`,
  host,
  state: "online",
  version: "0.9.0",
  verbs: ["agent"],
  clockOffset: 500,
  tags: [],
  labels: {},
  releases,
  ...more,
});
const own: AgentFact = {
  version: "0.9.0",
  variant: "agent-linux-x64",
  os: "linux",
  arch: "x64",
  libc: "glibc",
  state: "steady",
  updatable: true,
};
const factOf = (host: string, value: AgentFact, at = 1): Fact => ({ host, key: "agent {}", at, digest: `${at}`, value });
const failed = { version: "0.10.0", sha256: "ab", reason: "it ended", at: 1000 };

test("what one agent took back is said of every host, by the controller's time, until that agent says otherwise", () => {
  const fleet = createFleet();
  fleet.setAgent(state("h1"));
  const before = fleet.setAgent(state("h2"));
  fleet.absorb(factOf("h1", { ...own, failed }));
  const told = [{ host: "h1", version: "0.10.0", sha256: "ab", reason: "it ended", failedAt: 1000, at: 1500 }];
  expect(fleet.view("h2")?.agent?.takenBack).toEqual(told);
  expect(comparedAlike(before, fleet.view("h2")!)).toBe(false);
  const list = fleet.takenBack();
  fleet.absorb(factOf("h1", { ...own, failed: { ...failed } }, 2));
  expect(fleet.takenBack()).toBe(list);
  fleet.absorb(factOf("h1", own, 3));
  expect(fleet.view("h2")?.agent?.takenBack).toEqual([]);
});

test("what an agent took back goes with the agent", () => {
  const fleet = createFleet();
  fleet.setAgent(state("h1"));
  fleet.absorb(factOf("h1", { ...own, failed }));
  fleet.removeAgent("h1");
  expect(fleet.takenBack()).toEqual([]);
});

test("an agent is outdated while the controller has a newer version for it", () => {
  const fleet = createFleet();
  const outdated = (more: object): unknown => selectorHost(fleet.setAgent(state("h1", more))).agent;
  expect(outdated({})).toEqual({ version: "0.9.0", outdated: true });
  expect(outdated({ version: "0.10.0" })).toEqual({ version: "0.10.0", outdated: false });
  expect(outdated({ version: "0.11.0" })).toEqual({ version: "0.11.0", outdated: false });
  expect(outdated({ releases: undefined })).toEqual({ version: "0.9.0", outdated: false });
  expect(outdated({ version: "" })).toEqual({ version: "", outdated: false });
});
