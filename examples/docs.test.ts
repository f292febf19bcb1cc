import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it, test } from "vitest";
import { table } from "../controller/cli/table.ts";
import { loadManifests } from "../controller/core/manifests.ts";
import type { SourceFile } from "../controller/core/model.ts";
import { readSettings } from "../controller/core/settings.ts";
import { defaultSettings } from "../controller/core/settings-defaults.ts";
import { SettingsFile } from "../controller/core/settings-schema.ts";
import type { CheckContext } from "../controller/kinds/define.ts";
import { kinds } from "../controller/kinds/index.ts";
import { durationMs } from "../schemas/manifest.ts";
import { printProblem } from "../schemas/problem.ts";

const root = resolve(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const pages = ["README.md", "CHANGELOG.md", ...globSync("docs/**/*.md", { cwd: root }).sort()].map((path) => ({ path, text: read(path) }));
const blocks = pages.flatMap(({ path, text }) =>
  [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(({ 1: yaml = "", index }) => ({
    path,
    line: text.slice(0, index).split("\n").length,
    yaml,
  })),
);
const source = (path: string, text: string): SourceFile => ({ path, blob: text, size: Buffer.byteLength(text), text });

describe("a manifest in the documentation", () => {
  const context: CheckContext = { file: () => "", fileExists: () => true, nearestFile: () => undefined, secretExists: () => true };
  // docs/manifests.md has its own test: its examples refer to one another.
  const manifests = blocks.filter(({ path, yaml }) => path !== "docs/manifests.md" && /^apiVersion:/m.test(yaml));

  it.each(manifests)("loads without a problem: $path:$line", ({ path, yaml }) => {
    const { resources, problems } = loadManifests([source(`manifests/${path}.yaml`, yaml)], kinds, context);
    expect(problems.map(printProblem)).toEqual([]);
    expect(resources.length).toBe(yaml.match(/^apiVersion:/gm)?.length);
  });
});

describe("the settings in docs/operating.md", () => {
  const page = read("docs/operating.md");
  const rows = new Map(
    [...page.matchAll(/^\| `([A-Za-z.]+)` \| ([^|]+) \|/gm)].map(([, field = "", cell = ""]) => [field, cell.replaceAll("`", "").trim()]),
  );
  const groups = Object.entries(SettingsFile.properties).map(([name, group]) => ({
    name,
    fields: "properties" in group ? Object.keys(group.properties as object) : [],
  }));
  const fields = groups.flatMap(({ name, fields }) => (fields.length === 0 ? [name] : fields.map((field) => `${name}.${field}`)));

  it("are all of them", () => {
    const known = new Set(groups.map(({ name }) => name));
    expect([...rows.keys()].filter((row) => known.has(row.split(".")[0] ?? ""))).toEqual(fields);
  });

  it.each(fields)("have the default that holds: %s", (field) => {
    const [group = "", name] = field.split("."),
      all = defaultSettings as unknown as Record<string, unknown>,
      own = (name === undefined ? all : all[group]) as Record<string, unknown>;
    const shown = rows.get(field) ?? "",
      last = name ?? group;
    if (`${last}Ms` in own) expect(durationMs(shown)).toBe(own[`${last}Ms`]);
    else if (["none", "all", "never"].includes(shown)) expect([undefined, "[]", "{}"]).toContain(JSON.stringify(own[last]));
    else if (typeof own[last] === "object") expect(shown).toMatch(/^\[below\]\(#/);
    else expect(shown).toBe(String(own[last]));
  });

  it("are shown in a file that can be read", () => {
    const shown = blocks.filter(({ path, yaml }) => path === "docs/operating.md" && !yaml.includes("apiVersion:"));
    expect(shown.length).toBeGreaterThan(0);
    for (const { yaml } of shown) expect([yaml, readSettings(source("backend-ai.yaml", yaml)).ok]).toEqual([yaml, true]);
  });
});

test("docs/operating.md names every variable that the controller reads", () => {
  const named = new Set(
    [...read("controller/config.ts").matchAll(/(?:environment\[|port\(|environment, )"([A-Z_]+)"/g)].map(([, name]) => name),
  );
  named.delete("XDG_CONFIG_HOME");
  const page = read("docs/operating.md");
  expect(named.size).toBeGreaterThan(10);
  expect([...named].filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

test("docs/operating-agents.md names every setting of an agent", () => {
  const list = /^const keys = \[([^\]]+)\]/m.exec(read("agent/runtime/config.ts"))?.[1] ?? "";
  const keys = [...list.matchAll(/"([A-Z_]+)"/g)].map(([, key]) => key);
  const rows = [...read("docs/operating-agents.md").matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, key]) => key);
  expect(rows).toEqual(keys);
});

describe("a command in the documentation", () => {
  const globals = ["--server", "--context", "--help", "--version"];
  const said = pages.flatMap(({ path, text }) => {
    const inline = [...text.replace(/^```[\s\S]*?^```$/gm, "").matchAll(/`((?:npx )?backend-ai [a-z][^`]*)`/g)].map(
      ([, line = ""]) => line,
    );
    const fenced = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block = ""]) =>
      block.split("\n").filter((line) => /^(npx )?backend-ai /.test(line)),
    );
    return [...new Set([...inline, ...fenced])].map((line) => ({ path, line: line.replace(/^npx /, "").replace(/\s+(#|<|>|\|).*$/, "") }));
  });

  it.each(said)("is one that there is: $line ($path)", ({ line }) => {
    const [, name = "", ...rest] = line.replace(/"[^"]*"|'[^']*'/g, "TEXT").split(/\s+/);
    const top = table.find((one) => one.name === name || one.aliases?.includes(name)),
      child = top?.children?.find((one) => one.name === rest[0]);
    const known = [...(top?.options ?? []), ...(child?.options ?? [])].flatMap(
      ([flags]) => flags.match(/(?<![\w-])--?[a-z][a-z-]*/g) ?? [],
    );
    expect(top?.name ?? top?.aliases, name).toBeDefined();
    expect(rest.filter((word) => /^--?[a-z]/.test(word) && ![...known, ...globals].includes(word))).toEqual([]);
  });
});

/** Anchors as GitHub makes them of headings. */
const anchors = (text: string): Set<string> =>
  new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );

describe("links", () => {
  const links = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, to = ""]) => ({ path, to })).filter(({ to }) => !/^[a-z]+:/.test(to)),
  );

  it.each(links)("of $path lead somewhere: $to", ({ path, to }) => {
    const [file = "", anchor] = to.split("#"),
      target = file === "" ? path : join(dirname(path), file);
    expect(existsSync(join(root, target)), target).toBe(true);
    if (anchor !== undefined) expect([...anchors(read(target))]).toContain(anchor);
  });
});

test("every page is in an index", () => {
  const listed = ["docs/README.md", "docs/decisions/README.md"].flatMap((index) =>
    [...read(index).matchAll(/\]\(([^)#\s]+)/g)].map(([, to = ""]) => join(dirname(index), to)),
  );
  expect(
    pages.map(({ path }) => path).filter((path) => path.startsWith("docs/") && path !== "docs/README.md" && !listed.includes(path)),
  ).toEqual([]);
});

test("pages and sections that messages point to exist", () => {
  const sources = globSync("{schemas,controller,agent,examples}/**/*.ts", { cwd: root, exclude: (path) => path.includes("node_modules") });
  const missing: string[] = [];
  for (const path of sources.filter((one) => !one.endsWith(".test.ts")))
    for (const [said, page = "", section] of read(path).matchAll(/\b(docs\/[a-z0-9/-]+\.md)(?:, section "([^"]+)")?/g))
      if (!existsSync(join(root, page)) || (section !== undefined && !new RegExp(`^## ${section}$`, "m").test(read(page))))
        missing.push(`${path}: ${said}`);
  expect(missing).toEqual([]);
});
