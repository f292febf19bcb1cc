import { expect, test } from "vitest";
import { askKey } from "../../schemas/canonical.ts";
import { ask } from "../../schemas/contract.ts";
import type { ClusterFact } from "../../schemas/verbs/proxmox/cluster.ts";
import { guestsProbe } from "../../schemas/verbs/proxmox/guest.ts";
import { kinds } from "../kinds/index.ts";
import type { AgentState } from "./fleet.ts";
import { createFleet } from "./fleet.ts";
import { nothingLoaded } from "./loaded.ts";
import { factOf } from "./observe.ts";
import { createWorld } from "./world.ts";

const cluster = (nodes: readonly string[]): ClusterFact => ({
  name: "lab",
  standalone: false,
  quorate: true,
  version: "9.1",
  nodes: nodes.map((name) => ({ name, online: true })),
  storages: [],
  haGroups: [],
  pools: [],
  rights: {},
  root: false,
});
const state = (host: string, tags: readonly string[]): AgentState => ({
  agent: host,
  host,
  state: "online",
  version: "1.0.0",
  verbs: ["cluster", "guests"],
  clockOffset: 0,
  tags,
  labels: {},
});
const says = (host: string, probe: string, input: object, value: unknown) => factOf(host, { ask: { probe, input }, at: 1, value });
const guestsOf = (host: string, node: string) => says(host, "guests", { node }, { node, guests: [] });
const many = (count: number): string[] => Array.from({ length: count }, (_, at) => `n${at}`);

test("of a cluster's guests those on the nodes that its own fact names are kept, whatever came before it", () => {
  const fleet = createFleet();
  fleet.setAgent(state("lab", ["cluster"]));
  for (const node of many(1000)) fleet.absorb(guestsOf("lab", node));
  fleet.absorb(guestsOf("lab", "n7"));
  expect([...(fleet.absorb(says("lab", "cluster", {}, cluster(["n7", "n900"])))?.cluster?.guests.keys() ?? [])]).toEqual(["n7"]);
  expect(fleet.absorb(guestsOf("lab", "made-up"))).toBeUndefined();
  expect([...(fleet.absorb(guestsOf("lab", "n900"))?.cluster?.guests.keys() ?? [])]).toEqual(["n7", "n900"]);
  expect([...(fleet.absorb(says("lab", "cluster", {}, cluster(["n900"])))?.cluster?.guests.keys() ?? [])]).toEqual(["n900"]);
});

test("a cluster that names ever more nodes is looked at for a bounded number of them", () => {
  const fleet = createFleet(),
    world = createWorld(kinds);
  fleet.setAgent(state("lab", ["cluster"]));
  fleet.absorb(says("lab", "cluster", {}, cluster(many(5000))));
  for (const node of many(5000)) fleet.absorb(guestsOf("lab", node));
  const view = fleet.view("lab")!;
  world.setHost(view);
  expect(view.cluster?.guests.size).toBe(128);
  expect(world.asks("lab").filter(({ probe }) => probe === "guests")).toHaveLength(128);
});

test("facts of a cluster are kept of hosts that may speak for one, of the nodes that these have", () => {
  const fleet = createFleet(),
    world = createWorld(kinds);
  fleet.setAgent(state("lab", ["cluster"]));
  fleet.setAgent(state("web-01", []));
  for (const host of ["lab", "web-01"]) fleet.absorb(says(host, "cluster", {}, cluster(["n1"])));
  world.setCommit({ ...nothingLoaded, commit: "c1" });
  world.setHosts(fleet.views());
  const guests = (node: string): string => askKey(ask(guestsProbe, { node }));
  expect([guests("n1"), guests("n2"), "guests {}", "cluster {}"].map((key) => world.keepsFact("lab", key))).toEqual([
    true,
    false,
    false,
    true,
  ]);
  expect([guests("n1"), "cluster {}", "cluster-load {}", "owned {}"].map((key) => world.keepsFact("web-01", key))).toEqual([
    false,
    false,
    false,
    true,
  ]);
});
