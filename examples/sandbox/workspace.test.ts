import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { kinds } from "../../controller/kinds/index.ts";
import { Resource } from "../../schemas/manifest.ts";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parseSelector, select } from "../../schemas/selector.ts";
import { pretendFleet } from "./fleet.ts";
import { makeWorkspace } from "./workspace.ts";

const folder = new URL("./workspace/", import.meta.url);
const isResource = new Ajv2020({ strict: false, formats: { "date-time": true } }).compile<Resource>(Resource);

async function resources(): Promise<Resource[]> {
  const names = (await readdir(new URL("manifests/", folder))).toSorted();
  const texts = await Promise.all(names.map((name) => readFile(new URL(`manifests/${name}`, folder), "utf8")));
  return texts.flatMap((text) => parseAllDocuments(text)).map((document) => document.toJS() as Resource);
}

test("every manifest of the sandbox is what its kind allows", async () => {
  const files = new Map<string, string>();
  for (const name of await readdir(new URL("files/", folder)))
    files.set(`files/${name}`, await readFile(new URL(`files/${name}`, folder), "utf8"));
  const context = {
    file: (path: string) => files.get(path),
    fileExists: (path: string) => files.has(path),
    nearestFile: () => undefined,
    secretExists: () => false,
  };
  const wrong = (await resources()).flatMap((resource) => {
    const kind = kinds.get(resource.kind),
      id = `${resource.kind}/${resource.metadata.name}`;
    if (kind === undefined || !isResource(resource)) return [`${id}: not a resource`];
    if (!kind.validate(resource.spec)) return [`${id}: ${JSON.stringify(kind.validate.errors)}`];
    const spec = kind.scope === "hosts" ? kind.complete(resource.spec, resource.metadata.name) : resource.spec;
    return kind.check(spec, context).map(({ summary }) => `${id}: ${summary}`);
  });
  expect(wrong).toEqual([]);
});

test("every selector picks hosts of the fleet, and every Host is one of them", async () => {
  const fleet = pretendFleet({ hosts: 12, seed: 1 }).hosts.map(({ host, tags, labels }) => {
    const { os } = host.image.system;
    return { name: host.name, aliases: [], kind: "vm" as const, tags, labels, os: os.id, osVersion: os.version };
  });
  const all = await resources();
  const empty = all
    .filter(({ spec }) => typeof spec.on === "string")
    .filter(({ spec }) => {
      const parsed = parseSelector(spec.on as string);
      if (!("selector" in parsed)) throw new Error(`${spec.on as string} is no selector`);
      return select(parsed.selector, fleet as never).matched.length === 0;
    });
  expect(empty).toEqual([]);
  expect(all.filter(({ kind }) => kind === "Host").map(({ metadata }) => metadata.name)).toEqual(fleet.map(({ name }) => name));
  for (const { metadata, spec } of all.filter(({ kind }) => kind === "Host"))
    expect(spec).toMatchObject({ tags: fleet.find(({ name }) => name === metadata.name)!.tags });
});

test("the workspace becomes a clean git repository with one commit on main", async () => {
  const at = await mkdtemp(join(tmpdir(), "sandbox-"));
  try {
    await makeWorkspace(join(at, "workspace"));
    const git = (...args: string[]) => execFileSync("git", ["-C", join(at, "workspace"), ...args], { encoding: "utf8" }).trim();
    expect([git("rev-parse", "--abbrev-ref", "HEAD"), git("status", "--porcelain"), git("rev-list", "--count", "HEAD")]).toEqual([
      "main",
      "",
      "1",
    ]);
  } finally {
    await rm(at, { recursive: true });
  }
});
