import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { kinds } from "../kinds/index.ts";
import { loadManifests } from "./manifests.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/manifests.md"), "utf8");
const examples = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text = ""]) => text);
const contents = new Map([
  ["files/shop.conf.mustache", "port={{port}}\n{{#debug}}debug\n{{/debug}}password={{password}}\n"],
  ["files/shop-site.conf", "server {}\n"],
]);

it("has examples that load without a problem, at least one for each kind", () => {
  const files = examples.map((text, i) => ({ path: `manifests/${i}.yaml`, blob: `${i}`, size: text.length, text }));
  const { resources, problems } = loadManifests(files, kinds, {
    file: (path) => contents.get(path),
    fileExists: (path) => contents.has(path),
    nearestFile: () => undefined,
    secretExists: (ref) => ref === "shop/password",
  });
  expect(problems).toEqual([]);
  expect([...new Set(resources.map(({ kind }) => kind))].sort()).toEqual([...kinds.keys()].sort());
});

it.each([...kinds.values()])("explains every field of $kind", ({ kind, spec }) => {
  const general = page.slice(page.indexOf("## What all kinds"), page.indexOf("## Service"));
  const start = page.indexOf(`## ${kind}\n`),
    own = page.slice(start, page.indexOf("\n## ", start));
  const fields = Object.keys((spec as { properties: Record<string, unknown> }).properties);
  expect(fields.filter((field) => !`${general}${own}`.includes(`\`${field}\``))).toEqual([]);
});
