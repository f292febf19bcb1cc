import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { linuxActions, linuxProbes } from "../schemas/verbs/linux.ts";
import { proxmoxActions, proxmoxProbes } from "../schemas/verbs/proxmox/index.ts";
import { kinds } from "./kinds/index.ts";

/** Everything that git has or is going to have. */
const root = fileURLToPath(new URL("..", import.meta.url)),
  files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate"], { cwd: root, encoding: "utf8" })
    .split("\n")
    .filter((path) => path !== ""),
  texts = new Map(files.flatMap((path) => readable(path)));

function readable(path: string): (readonly [string, string])[] {
  try {
    return [[path, readFileSync(join(root, path), "utf8")]];
  } catch {
    return [];
  }
}

/** Code and what stands beside it for its tests. */
const sources = [...texts.keys()].filter((path) => path.endsWith(".ts")),
  isTest = (path: string): boolean => /\.(test|fixture|contract)\.ts$|\/testing\.ts$|\/double\//.test(path),
  code = sources.filter((path) => !isTest(path));

interface Import {
  readonly from: string;
  readonly to: string;
  readonly type: boolean;
}

const importsOf = (path: string): Import[] =>
  [
    ...(texts.get(path) ?? "").matchAll(
      /^(?:import|export)\s+(type\s)?[^"';]*?from\s+"([^"]+)"|^import\s+"([^"]+)"|\bimport\("([^"]+)"\)/gm,
    ),
  ].map(([, type, from, bare, dynamic]) => {
    const named = from ?? bare ?? dynamic ?? "";
    return { from: path, to: named.startsWith(".") ? normalize(join(dirname(path), named)) : named, type: type !== undefined };
  });
const imports = code.flatMap(importsOf);
const print = ({ from, to }: Import): string => `${from} -> ${to}`;
const within = (folder: string, ...but: string[]): string[] =>
  imports.filter(({ from }) => from.startsWith(folder) && !but.some((other) => from.startsWith(other))).map(print);
const arrows = (folder: string, allowed: (to: Import) => boolean, ...but: string[]): string[] =>
  imports.filter((one) => one.from.startsWith(folder) && !but.some((other) => one.from.startsWith(other)) && !allowed(one)).map(print);
const outside = (to: string): boolean => !/^(schemas|controller|agent|agent-proxmox|examples)\//.test(to);

test("there is something to look at", () => {
  expect(code.length).toBeGreaterThan(200);
  expect(within("controller/core/").length).toBeGreaterThan(50);
});

describe("arrows", () => {
  test("schemas import nothing of ours", () => {
    // The generator of the editors' schemas is a program beside them: it reads the kind table.
    expect(arrows("schemas/", ({ to }) => outside(to) || to.startsWith("schemas/"), "schemas/json/generate.ts")).toEqual([]);
  });

  test("core imports schemas, core and the contract of kinds; of node createHash alone", () => {
    const allowed = ["node:crypto", "yaml", "ajv/dist/2020.js", "ajv", "typebox", "picomatch", "semver", "diff", "mustache"];
    expect(
      arrows(
        "controller/core/",
        ({ to, type }) => /^(schemas|controller\/core)\//.test(to) || allowed.includes(to) || (type && to === "controller/kinds/define.ts"),
      ),
    ).toEqual([]);
    const crypto = code
      .filter((path) => path.startsWith("controller/core/"))
      .flatMap((path) => texts.get(path)?.match(/.*"node:crypto".*/g) ?? []);
    expect([...new Set(crypto)]).toEqual(['import { createHash } from "node:crypto";']);
  });

  test("agents and the controller know each other by schemas alone", () => {
    expect(arrows("agent/", ({ to }) => outside(to) || /^(schemas|agent)\//.test(to))).toEqual([]);
    expect(arrows("controller/", ({ to }) => outside(to) || /^(schemas|controller)\//.test(to), "controller/cli/")).toEqual([]);
  });

  test("what speaks to Proxmox VE is a package of its own: it knows schemas and the agent's runtime, and nobody knows it or its licence's library", () => {
    // Its benchmark stands between a whole controller and a pretend cluster.
    expect(
      arrows("agent-proxmox/", ({ to }) => outside(to) || /^(schemas|agent|agent-proxmox)\//.test(to), "agent-proxmox/bench/"),
    ).toEqual([]);
    expect(
      imports
        .filter(({ from, to }) => !from.startsWith("agent-proxmox/") && (to.startsWith("agent-proxmox/") || to === "proxmox-api"))
        .map(print),
    ).toEqual([]);
  });

  test("the command line knows schemas and the API; what runs without a controller is loaded when it is asked for", () => {
    const declared = new Map([
      ["controller/cli/commands/validate.ts", "checks manifests where no controller runs"],
      ["controller/cli/commands/init.ts", "makes the workspace before there is a controller"],
      ["controller/cli/commands/controller.ts", "is the controller"],
      ["controller/cli/commands/sandbox.ts", "is the controller with pretend hosts"],
      ["controller/cli/commands/agent.ts", "is the agent"],
    ]);
    const reaching = arrows("controller/cli/", ({ to, type }) => outside(to) || type || /^(schemas|controller\/cli)\//.test(to)).filter(
      (arrow) => !declared.has(arrow.split(" -> ")[0] ?? "") && !arrow.endsWith("package.json"),
    );
    expect(reaching).toEqual([]);
  });

  test("the page knows schemas and the API", () => {
    expect(arrows("controller/web/", ({ to }) => outside(to) || /^(schemas|controller\/web)\//.test(to))).toEqual([]);
  });

  test("nothing that runs in production imports what is for tests", () => {
    expect(imports.filter(({ to }) => /\.(test|fixture|contract)\.ts$|\/testing\.ts$|^vitest$/.test(to)).map(print)).toEqual([]);
  });
});

test("core is pure: no clock, no chance, no process, no logging", () => {
  const impure = /\b(Date\.now|new Date\(\)|Math\.random|console\.|process\.|setTimeout|setInterval|setImmediate|performance\.|fetch\()/;
  const found = code
    .filter((path) => path.startsWith("controller/core/"))
    .flatMap((path) =>
      (texts.get(path) ?? "")
        .split("\n")
        .flatMap((line, at) => (impure.test(withoutComment(line)) ? [`${path}:${at + 1}: ${line.trim()}`] : [])),
    );
  expect(found).toEqual([]);
});

const withoutComment = (line: string): string => line.replace(/^\s*(\/\/|\*|\/\*).*/, "").replace(/\s\/\/ .*/, "");

describe("tables", () => {
  const foldersOf = (folder: string): string[] => [
    ...new Set(
      files
        .filter((path) => path.startsWith(folder) && path.slice(folder.length).includes("/"))
        .map((path) => path.slice(folder.length).split("/")[0] ?? ""),
    ),
  ];

  test("a folder for each kind of the table, and a kind for each folder", () => {
    const named = [...kinds.keys()].map((kind) => kind.replace(/(?!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase());
    // A folder without an index is common ground of several kinds, such as guest/.
    const folders = foldersOf("controller/kinds/").filter((folder) => files.includes(`controller/kinds/${folder}/index.ts`));
    expect(folders.sort()).toEqual(named.sort());
  });

  test("a file for each verb of the tables, and a verb for each file", () => {
    const handlers = (folder: string): string[] =>
      code
        .filter((path) => path.startsWith(folder))
        .map((path) => path.slice(folder.length, -".ts".length))
        .sort();
    expect(handlers("agent/probes/")).toEqual(Object.keys(linuxProbes).sort());
    const named = (verbs: object): string[] =>
      Object.keys(verbs)
        .map((name) => name.replace(".", "-"))
        .sort();
    expect(handlers("agent/actions/")).toEqual(named(linuxActions));
    expect(handlers("agent-proxmox/probes/")).toEqual(named(proxmoxProbes));
    expect(handlers("agent-proxmox/actions/")).toEqual(named(proxmoxActions));
  });

  test("no switch over kinds", () => {
    expect(code.filter((path) => /switch \((\w+\.)*kind(Name)?\)/.test(texts.get(path) ?? ""))).toEqual([]);
  });
});

test("no file is longer than 300 lines but those that are named with a reason", () => {
  const reasons: Readonly<Record<string, string>> = {
    "controller/hub/session.ts": "one connection, a class with its protocol",
    "controller/loop/backend.ts": "the table of everything that people can do, a line or a few each",
    "controller/loop/reconcile.ts": "what is planned, admitted and kept in mind while runs are at work: one state",
    "schemas/api.ts": "the API's bodies, one after the other",
    "examples/sandbox/faults.ts": "a table of faults",
  };
  const long = code.filter((path) => (texts.get(path) ?? "").split("\n").length - 1 > 300 && reasons[path] === undefined);
  expect(long.map((path) => `${path}: ${(texts.get(path) ?? "").split("\n").length - 1}`)).toEqual([]);
});

test("nothing committed holds a path of a machine or the address of a registry", () => {
  const forbidden = [
    new RegExp(root.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")),
    /\/root\/(?!\.ssh)/,
    /\/home\/(?!alice|bob|deploy|ann|\$|<|\{|ai-agent|runner)[a-z]+\//,
    /https?:\/\/[^\s"']*(registry|mirror|artifactory|nexus|proxy)[^\s"']*\.[a-z]+/i,
  ];
  const allowed = /registry\.npmjs\.org|example\.(org|com|net)/;
  const found = [...texts].flatMap(([path, text]) =>
    path === "controller/architecture.test.ts"
      ? []
      : text
          .split("\n")
          .flatMap((line, at) =>
            forbidden.some((one) => one.test(line)) && !allowed.test(line) ? [`${path}:${at + 1}: ${line.trim().slice(0, 120)}`] : [],
          ),
  );
  expect(found).toEqual([]);
});
