import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { describe, expect, it } from "vitest";
import { kinds } from "../../controller/kinds/index.ts";
import { readYamlDocument } from "../../controller/core/positions.ts";
import { yamlSlices } from "../../controller/core/yaml-slices.ts";
import { workspaceFiles } from "../../controller/repo/workspace-files.ts";
import { committed, jsonSchemas } from "./generate.ts";

const schemas = jsonSchemas();

/** The ajv that checks manifests, on a schema as editors read it from the file. */
function checker(name: string): (value: unknown) => string[] {
  const ajv = new Ajv2020({ strict: true, allErrors: true, strictTypes: false, strictRequired: false });
  formats.default(ajv);
  const validate = ajv.compile(JSON.parse(committed(name)) as object);
  return (value) => (validate(value) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`));
}

it.each(Object.entries(schemas))("%s is what the code says; run npm run schemas", (name, text) => {
  expect(committed(name)).toBe(text);
});

it("has no schema that nobody makes any more", () => {
  expect(
    readdirSync(import.meta.dirname)
      .filter((name) => name.endsWith(".json"))
      .sort(),
  ).toEqual(Object.keys(schemas).sort());
});

interface Example {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

const parse = (text: string): unknown => readYamlDocument(text).value;
const manifests = join(import.meta.dirname, "../../examples/sandbox/workspace/manifests");
const documents = (text: string): Example[] =>
  yamlSlices(text).flatMap(({ start, end }) => (parse(text.slice(start, end)) as Example | undefined) ?? []);
const examples = readdirSync(manifests).flatMap((file) => documents(readFileSync(join(manifests, file), "utf8")));

/** The examples of a new workspace, in force. */
const initial = (workspaceFiles["manifests/examples.yaml"] ?? "")
  .split(/^# ---$/m)
  .slice(1)
  .map((document) => parse(document.replace(/^# /gm, "")) as Example);

describe("manifest.json", () => {
  const check = checker("manifest.json");

  it.each([...examples, ...initial].map((value) => [`${value.kind}/${value.metadata.name}`, value] as const))(
    "takes the example %s",
    (_, value) => {
      expect(check(value)).toEqual([]);
    },
  );

  it.each([
    [
      "an unknown field",
      "{ apiVersion: backend-ai/v1, kind: Service, metadata: { name: a }, spec: { on: '*', stat: running } }",
      "/spec must NOT have additional properties",
    ],
    [
      "an unknown kind",
      "{ apiVersion: backend-ai/v1, kind: Servce, metadata: { name: a }, spec: {} }",
      "/kind must be equal to one of the allowed values",
    ],
    [
      "a word that is none",
      "{ apiVersion: backend-ai/v1, kind: Service, metadata: { name: a }, spec: { on: '*', state: up } }",
      "/spec/state must be equal to one of the allowed values",
    ],
    [
      "a missing field",
      "{ apiVersion: backend-ai/v1, kind: File, metadata: { name: a }, spec: { on: '*' } }",
      "/spec must have required property 'path'",
    ],
    [
      "a field of another kind",
      "{ apiVersion: backend-ai/v1, kind: Package, metadata: { name: a }, spec: { on: '*', unit: a } }",
      "/spec must NOT have additional properties",
    ],
  ])("refuses %s", (_, text, expected) => {
    expect(check(parse(text))).toContain(expected);
  });

  it("describes every field, so that editors can", () => {
    const { allOf } = JSON.parse(committed("manifest.json")) as {
      allOf: {
        if: { properties: { kind: { const: string } } };
        then: { properties: { spec: { properties: Record<string, { description?: string }> } } };
      }[];
    };
    expect(allOf).toHaveLength(kinds.size);
    const silent = allOf.flatMap((kind) =>
      Object.entries(kind.then.properties.spec.properties).flatMap(([field, { description }]) =>
        description === undefined ? [`${kind.if.properties.kind.const}.${field}`] : [],
      ),
    );
    expect(silent).toEqual([]);
  });
});

it("settings.json takes the settings of a new workspace with every line in force", () => {
  const all = (workspaceFiles["backend-ai.yaml"] ?? "")
    .split("\n")
    .filter((line) => /^# (\w+:| {2})/.test(line))
    .map((line) => line.slice(2))
    .join("\n");
  expect(checker("settings.json")(parse(all))).toEqual([]);
});
