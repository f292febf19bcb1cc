import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAllDocuments, stringify } from "yaml";
import { editManifest, type ManifestEdit } from "./edit.ts";

const manifest = `# yaml-language-server: $schema=manifest.json
# the web servers
apiVersion: backend-ai/v1
kind: Service
metadata:
  name: nginx            # a DNS label
  labels: { team: web }
spec:
  on: tag=webserver & !name=cdn-*       # where
  state:   running     # or stopped
  needs: [File/site]
  rollout:
    # one at a time
    maxUnavailable: 1
  dropIns:
    limits: |
        [Service]
        LimitNOFILE=1

    other: null
---
apiVersion: backend-ai/v1
kind: File
metadata: {name: site}
spec:
  on: "*"
  path: /etc/site
  mode: "0644"
`;

const edited = (text: string, ...edits: ManifestEdit[]): string => {
  const done = editManifest(text, edits);
  if (!done.ok) throw new Error(done.problem.summary);
  return done.text;
};
const set = (path: string, value: unknown, resource = "Service/nginx"): ManifestEdit => ({
  edit: "set",
  resource,
  path: path.split("."),
  value,
});
const unset = (path: string, resource = "Service/nginx"): ManifestEdit => ({ edit: "unset", resource, path: path.split(".") });

describe("editing a manifest", () => {
  it.each([
    ["a scalar", set("spec.state", "stopped"), "  state:   running     # or stopped", "  state:   stopped     # or stopped"],
    ["a quoted scalar", set("spec.mode", "0600", "File/site"), `  mode: "0644"`, `  mode: "0600"`],
    ["a list on one line", set("spec.needs.1", "File/other"), "[File/site]", "[File/site, File/other]"],
    ["a mapping on one line", set("metadata.labels.tier", "1"), "{ team: web }", `{ team: web, tier: "1" }`],
    ["a block text", set("spec.dropIns.limits", "[Service]\nLimitNOFILE=2\n"), "        LimitNOFILE=1\n", "        LimitNOFILE=2\n"],
    ["a new field", set("spec.enabled", true), "    other: null\n---", "    other: null\n  enabled: true\n---"],
    [
      "a new field that is a mapping",
      set("spec.health", { tcp: "localhost:80" }),
      "    other: null\n",
      "    other: null\n  health:\n    tcp: localhost:80\n",
    ],
    ["a field that goes", unset("spec.dropIns.other"), "    other: null\n", ""],
    ["an item that goes", unset("spec.needs.0"), "[File/site]", "[]"],
    [
      "the last field of a mapping",
      unset("spec.rollout.maxUnavailable"),
      "  rollout:\n    # one at a time\n    maxUnavailable: 1\n",
      "  rollout: {}\n",
    ],
    ["a text that has to be quoted", set("spec.path", "yes: # no", "File/site"), "path: /etc/site", `path: "yes: # no"`],
  ])("changes %s and nothing else", (_, edit, from, to) => {
    expect(edited(manifest, edit)).toBe(manifest.replace(from, to));
  });

  it("adds a document at the end, and takes it away again", () => {
    const resource = {
      apiVersion: "backend-ai/v1" as const,
      kind: "Package",
      metadata: { name: "nginx" },
      spec: { on: "*", version: "1.20" },
    };
    const more = edited(manifest, { edit: "add", resource });
    expect(more).toBe(
      `${manifest}---\napiVersion: backend-ai/v1\nkind: Package\nmetadata:\n  name: nginx\nspec:\n  on: "*"\n  version: "1.20"\n`,
    );
    expect(edited(more, { edit: "remove", resource: "Package/nginx" })).toBe(manifest);
    expect(edited("", { edit: "add", resource })).not.toContain("---");
  });

  it("removes the first document and leaves the editors' schema line", () => {
    expect(edited(manifest, { edit: "remove", resource: "Service/nginx" })).toBe(
      `# yaml-language-server: $schema=manifest.json\n${manifest.slice(manifest.indexOf("---"))}`,
    );
  });

  it("says which resource there is instead", () => {
    expect(editManifest(manifest, [set("spec.state", "stopped", "Service/ngnix")])).toMatchObject({
      ok: false,
      problem: { code: "manifest/unknown-resource", hint: "Did you mean Service/nginx?" },
    });
    expect(
      editManifest(manifest, [
        { edit: "add", resource: { apiVersion: "backend-ai/v1", kind: "File", metadata: { name: "site" }, spec: {} } },
      ]),
    ).toMatchObject({ ok: false, problem: { code: "manifest/duplicate" } });
  });

  it("refuses what it cannot prove: a value behind an alias stays as it is", () => {
    const text = "kind: File\nmetadata: &m { name: a }\nspec: { x: *m }\n";
    expect(editManifest(text, [{ edit: "set", resource: "File/a", path: ["spec", "x", "name"], value: "b" }])).toMatchObject({
      ok: true,
      text: "kind: File\nmetadata: &m { name: a }\nspec: { x: {name: b} }\n",
    });
  });
});

const name = fc.stringMatching(/^[a-z][a-z0-9.]{0,8}$/);
const word = fc.oneof(
  fc.stringMatching(/^[a-zA-Z0-9 :#,[\]{}'"*&!|>%@`.\\-]{0,20}$/),
  fc.constantFrom("true", "null", "0644", "1.20", "", "~", " x", "x ", "a\nb", "a\nb\n", "\ta", "é", "- a", "? b"),
);
const scalar = fc.oneof(word, fc.integer(), fc.boolean(), fc.constant(null));
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    scalar,
    scalar,
    fc.array(tie("any"), { maxLength: 3 }),
    fc.dictionary(name, tie("any"), { maxKeys: 3, noNullPrototype: true }),
  ),
})).any;
const spec = fc.dictionary(name, value, { minKeys: 1, maxKeys: 4, noNullPrototype: true });
const style = fc.record({
  collectionStyle: fc.constantFrom("any", "block", "flow"),
  indent: fc.constantFrom(2, 4),
  indentSeq: fc.boolean(),
  singleQuote: fc.constantFrom(null, true, false),
  lineWidth: fc.constantFrom(0, 40),
});

const documents = (text: string): unknown[] => parseAllDocuments(text).map((document) => document.toJS() as unknown);
const resource = (named: string, of: unknown) => ({ apiVersion: "backend-ai/v1", kind: "File", metadata: { name: named }, spec: of });

function paths(of: unknown, at: (string | number)[] = []): (string | number)[][] {
  if (typeof of !== "object" || of === null) return [];
  return Object.entries(of).flatMap(([key, inner]) => {
    const path = [...at, Array.isArray(of) ? Number(key) : key];
    return [path, ...paths(inner, path)];
  });
}

function withValue(of: unknown, [step, ...rest]: (string | number)[], to: unknown): unknown {
  if (step === undefined) return to;
  return Array.isArray(of)
    ? of.with(Number(step), withValue(of[Number(step)], rest, to))
    : { ...(of as object), [step]: withValue((of as Record<string, unknown>)[step], rest, to) };
}

describe("laws of editing", () => {
  const cases = fc.record({ before: spec, other: spec, to: value, pick: fc.nat(), style });

  it("a set field has the value, everything else stays, other documents stay byte for byte", () => {
    fc.assert(
      fc.property(cases, ({ before, other, to, pick, style: { collectionStyle, ...how } }) => {
        const options = { ...how, collectionStyle: collectionStyle as "any" };
        const first = `# one\n${stringify(resource("one", before), options)}`,
          second = `---\n# two\n${stringify(resource("two", other), options)}`;
        fc.pre(isDeepStrictEqual(documents(first + second), [resource("one", before), resource("two", other)]));
        const all = paths(before),
          path = all[pick % all.length]!;
        const text = edited(first + second, { edit: "set", resource: "File/one", path: ["spec", ...path], value: to });
        expect(documents(text)).toEqual([resource("one", withValue(before, path, to)), resource("two", other)]);
        expect(text.endsWith(second)).toBe(true);
        expect(text.startsWith("# one\n")).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("an unset field is gone, and nothing else is", () => {
    fc.assert(
      fc.property(cases, ({ before, pick, style: { collectionStyle, ...how } }) => {
        const keys = Object.keys(before),
          key = keys[pick % keys.length]!,
          { [key]: _, ...rest } = before;
        const text0 = stringify(resource("one", before), { ...how, collectionStyle: collectionStyle as "any" });
        fc.pre(isDeepStrictEqual(documents(text0), [resource("one", before)]));
        const text = edited(text0, { edit: "unset", resource: "File/one", path: ["spec", key] });
        expect(documents(text)).toEqual([resource("one", rest)]);
      }),
      { numRuns: 300 },
    );
  });

  it("lines without the changed field stay, and setting it back restores the text", () => {
    const plain = fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/).filter((text) => !["true", "false", "null"].includes(text));
    const fields = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), plain, { minKeys: 1, maxKeys: 6, noNullPrototype: true });
    fc.assert(
      fc.property(fields, plain, fc.nat(), fc.constantFrom("", "'", '"'), (before, to, pick, quote) => {
        const keys = Object.keys(before),
          key = keys[pick % keys.length]!;
        const text = `kind: File\nmetadata: { name: one }\nspec:\n${keys.map((each) => `    ${each}:  ${quote}${before[each]}${quote}   # about ${each}\n`).join("\n")}`;
        const there = edited(text, { edit: "set", resource: "File/one", path: ["spec", key], value: to });
        const changed = there.split("\n").filter((line, i) => line !== text.split("\n")[i]);
        expect(changed.every((line) => line.startsWith(`    ${key}:`))).toBe(true);
        expect(edited(there, { edit: "set", resource: "File/one", path: ["spec", key], value: before[key] })).toBe(text);
      }),
      { numRuns: 300 },
    );
  });
});
