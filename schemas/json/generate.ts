import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SettingsFile } from "../../controller/core/settings-schema.ts";
import type { KindTable } from "../../controller/kinds/define.ts";
import { kinds } from "../../controller/kinds/index.ts";
import { apiVersion, Metadata } from "../manifest.ts";
import { Plan } from "../plan.ts";
import { Problem } from "../problem.ts";
import { RunView } from "../run.ts";

type Schema = Record<string, unknown>;

const draft = "https://json-schema.org/draft/2020-12/schema";

/** The schemas that editors and programs use, by file name: the manifest with every kind, the settings, and what `--json` prints. */
export function jsonSchemas(): Record<string, string> {
  const schemas: Record<string, Schema> = {
    "manifest.json": manifestSchema(kinds),
    "settings.json": titled("Settings of Backend AI: backend-ai.yaml", SettingsFile),
    "plan.json": titled("A plan, as reconcile --json and --out write it", Plan),
    "run.json": titled("A run, as runs --json shows it", RunView),
    "problem.json": titled("A problem, as validate --json shows it", Problem),
  };
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, `${JSON.stringify(schema, null, 2)}\n`]));
}

const titled = (title: string, schema: object): Schema => ({ $schema: draft, title, ...(readable(schema) as Schema) });

/** The envelope, and for each kind the `spec` that belongs to it. */
function manifestSchema(table: KindTable): Schema {
  const list = [...table.values()];
  return {
    $schema: draft,
    title: "A resource of Backend AI",
    type: "object",
    required: ["apiVersion", "kind", "metadata", "spec"],
    additionalProperties: false,
    properties: {
      apiVersion: { type: "string", enum: [apiVersion], description: "Version of the manifest's form" },
      kind: {
        type: "string",
        enum: list.map(({ kind }) => kind),
        description: list.map(({ kind, summary }) => `${kind}: ${summary}`).join("\n"),
      },
      metadata: { ...(readable(Metadata) as Schema), description: "Name (unique for the kind), labels and annotations" },
      spec: { type: "object", description: "What shall be" },
    },
    allOf: list.map(({ kind, spec, summary }) => ({
      if: { properties: { kind: { const: kind } }, required: ["kind"] },
      // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
      then: { properties: { spec: { description: summary, ...(readable(spec) as Schema) } } },
    })),
  };
}

/** Keywords that hold schemas by names of ours, one of which may be a keyword itself (placement.anyOf). */
const named = new Set(["properties", "patternProperties"]);
const eachReadable = (schemas: unknown): Schema =>
  Object.fromEntries(Object.entries(schemas as Schema).map(([name, schema]) => [name, readable(schema)]));

/** A choice of words as `enum`, which editors complete; everything else as it is. */
function readable(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(readable);
  if (typeof schema !== "object" || schema === null) return schema;
  const { anyOf, ...rest } = schema as Schema & { anyOf?: { type?: string; const?: unknown }[] };
  const inner = Object.fromEntries(
    Object.entries(rest).map(([key, value]) => [key, named.has(key) ? eachReadable(value) : readable(value)]),
  );
  if (anyOf === undefined) return inner;
  return anyOf.every((branch) => typeof branch.const === "string")
    ? { ...inner, type: "string", enum: anyOf.map((branch) => branch.const) }
    : { ...inner, anyOf: anyOf.map(readable) };
}

/** The committed text of a schema; empty where there is none. */
export function committed(name: string): string {
  try {
    return readFileSync(join(import.meta.dirname, name), "utf8");
  } catch {
    return "";
  }
}

if (process.argv[1] === import.meta.filename)
  for (const [name, text] of Object.entries(jsonSchemas())) writeFileSync(join(import.meta.dirname, name), text);
