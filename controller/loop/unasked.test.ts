import { expect, test } from "vitest";
import type { FactReport } from "../../schemas/report.ts";
import { inSync, service, stageFor } from "./testing.ts";

test("what an agent tells that nobody asked is not kept", async () => {
  const stage = await stageFor({ files: { "manifests/nginx.yaml": service("nginx", "state: running") } });
  await inSync(stage);
  const facts = Array.from({ length: 500 }, (_, at): FactReport => {
    const path = `/made-up/${at}`;
    return { ask: { probe: "file", input: { path } }, at: Date.now(), value: { path, type: "missing" } };
  });
  await stage.report("web-01", [...facts, { ask: { probe: "metrics", input: {} }, at: Date.now(), value: undefined }]);
  const kept = (await stage.store.facts.ofHost("web-01")).map(({ key }) => key);
  expect(kept).toContain("metrics {}");
  expect(kept.filter((key) => key.includes("made-up"))).toEqual([]);
});

test("a machine that tells of a cluster is none, and none of that is kept", async () => {
  const stage = await stageFor({ files: { "manifests/nginx.yaml": service("nginx", "state: running") } });
  await inSync(stage);
  const nodes = Array.from({ length: 200 }, (_, at) => `n${at}`),
    at = Date.now();
  const cluster = {
    name: "lab",
    standalone: false,
    quorate: true,
    version: "9.1",
    storages: [],
    haGroups: [],
    pools: [],
    rights: {},
    root: true,
    nodes: nodes.map((name) => ({ name, online: true })),
  };
  await stage.report("web-01", [
    { ask: { probe: "cluster", input: {} }, at, value: cluster },
    ...nodes.map((node): FactReport => ({ ask: { probe: "guests", input: { node } }, at, value: { node, guests: [] } })),
  ]);
  const kept = (await stage.store.facts.ofHost("web-01")).map(({ key }) => key);
  expect(kept.filter((key) => key.startsWith("guests ") || key.startsWith("cluster"))).toEqual([]);
});
