import { describe, expect, it } from "vitest";
import { printProblem } from "../../schemas/problem.ts";
import type { CheckContext } from "../kinds/define.ts";
import { kinds } from "../kinds/index.ts";
import { loadInPieces, loadManifests, manifestCache } from "./manifests.ts";
import type { SourceFile } from "./model.ts";
import { parseFile } from "./parse-file.ts";
import { patternWords } from "./pattern-words.ts";
import { SettingsFile } from "./settings-schema.ts";

const context: CheckContext = {
  file: (path) => (path === "files/motd" ? "hello {{host.nam}}\n" : undefined),
  fileExists: (path) => path === "files/motd" || path === "files/image.png",
  nearestFile: () => "files/motd",
  secretExists: (ref) => ref === "db/password",
};
const source = (path: string, text: string): SourceFile => ({ path, blob: `${path} ${text}`, size: Buffer.byteLength(text), text });
const load = (...texts: string[]) =>
  loadManifests(
    texts.map((text, i) => source(`manifests/${"abcdef"[i]}.yaml`, text)),
    kinds,
    context,
  );
/** The problems of manifests as `validate` prints them. */
const said = (...texts: string[]): string[] => load(...texts).problems.map(printProblem);

const service = (spec: string, name = "web"): string => `apiVersion: backend-ai/v1
kind: Service
metadata:
  name: ${name}
spec:
  on: tag=web
${spec}`;
const file = (spec: string, name = "motd"): string => service(spec, name).replace("Service", "File");

describe("a good manifest", () => {
  it("becomes resources with digests, completed specs and places", () => {
    const { resources, problems } = load(
      `# top\n---\n${service("  state: running\n  needs: [File/motd]\n")}---\n${file('  path: /etc/motd\n  content: hi\n  mode: "644"\n  reloads: [Service/web, sshd]\n')}`,
    );
    expect(problems).toEqual([]);
    expect(resources.map(({ id, resource }) => [id, resource.spec])).toEqual([
      ["Service/web", { on: "tag=web", state: "running", needs: ["File/motd"], unit: "web.service" }],
      ["File/motd", { on: "tag=web", path: "/etc/motd", content: "hi", mode: "0644", reloads: ["web.service", "sshd.service"] }],
    ]);
    expect(resources[0]?.where()).toEqual({ file: "manifests/a.yaml", line: 3, column: 1, resource: "Service/web" });
    expect(resources[0]?.where("spec.needs.0")).toEqual({
      file: "manifests/a.yaml",
      line: 10,
      column: 11,
      resource: "Service/web",
      path: "spec.needs.0",
    });
    expect(resources[0]?.where("spec.unit")).toMatchObject({ line: 7 });
  });

  it("has one digest however it is written, and another when a spec changes", () => {
    const digest = (text: string): string | undefined => load(text).resources[0]?.digest;
    expect(digest(service("  state: running\n  enabled: true\n"))).toBe(
      digest(service('  enabled:   true\n  "state": running # now\n').replace("name: web", "name: web\n  labels: { a: b }")),
    );
    expect(digest(service("  state: running\n"))).not.toBe(digest(service("  state: stopped\n")));
  });

  it("leaves settings, secrets and contents alone", () => {
    const files = ["backend-ai.yaml", "secrets/db.age.yaml", "files/site.yaml", "README.md"].map((path) => source(path, "no: resource"));
    expect(loadManifests(files, kinds, context)).toEqual({ resources: [], parts: [], problems: [] });
  });
});

describe("problems of a manifest", () => {
  it.each([
    [
      "YAML that does not parse",
      service("  state: [running\n  enabled: true\n"),
      "manifests/a.yaml:8:3: error: This is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]\n    Fields of one mapping start in the same column; what belongs to a field stands further right.",
    ],
    [
      "a key twice",
      service("  state: running\n  state: stopped\n"),
      'manifests/a.yaml:8:3: error: "state" stands here a second time\n    Keep one of the two.',
    ],
    [
      "an unknown version",
      service("").replace("v1", "v2"),
      'manifests/a.yaml:1:13 Service/web apiVersion: error: Unknown apiVersion "backend-ai/v2"\n    Write apiVersion: backend-ai/v1',
    ],
    [
      "an unknown kind",
      service("").replace("Service", "Srevice"),
      'manifests/a.yaml:2:7 Srevice/web kind: error: Unknown kind "Srevice"\n    Did you mean Service?',
    ],
    [
      "an unknown field",
      service("  stat: running\n"),
      'manifests/a.yaml:7:3 Service/web spec.stat: error: Unknown field "stat" in spec\n    Did you mean state?',
    ],
    [
      "an unknown field inside another",
      service("  health: { htp: http://x/ }\n"),
      'manifests/a.yaml:7:13 Service/web spec.health.htp: error: Unknown field "htp" in spec.health\n    Did you mean http?',
    ],
    [
      "an unknown word",
      service("  state: runing\n"),
      'manifests/a.yaml:7:10 Service/web spec.state: error: state has to be running, stopped or absent, not "runing"\n    Did you mean running?',
    ],
    [
      "a wrong type",
      service("  enabled: yes\n"),
      'manifests/a.yaml:7:12 Service/web spec.enabled: error: enabled has to be true or false, not "yes"\n    Write true, without quotes.',
    ],
    [
      "a list that is none",
      service("  needs: File/motd\n"),
      'manifests/a.yaml:7:10 Service/web spec.needs: error: needs has to be a list, not "File/motd"\n    Write [File/motd].',
    ],
    [
      "a missing field",
      file("  content: hi\n"),
      'manifests/a.yaml:5:1 File/motd spec: error: "path" is missing in spec\n    path: Absolute path on the host.',
    ],
    [
      "a field without a value",
      service("  state:\n"),
      "manifests/a.yaml:7:9 Service/web spec.state: error: state has to be running, stopped or absent, not nothing",
    ],
    [
      "a name that is none",
      service("", "Web_1"),
      'manifests/a.yaml:4:9 Service/Web_1 metadata.name: error: name cannot be "Web_1"\n    Expected lower case letters, digits and hyphens, at most 63, no hyphen at either end.',
    ],
    [
      "an octal mode without quotes",
      file("  path: /etc/motd\n  content: hi\n  mode: 0644\n"),
      'manifests/a.yaml:9:9 File/motd spec.mode: error: mode has to be text, not 644\n    Write it in quotes: mode: "0644"',
    ],
    [
      "a version that YAML reads as a number",
      service("  version: 1.20\n").replace("Service", "Package"),
      'manifests/a.yaml:7:12 Package/web spec.version: error: version has to be text, not 1.2\n    Write it in quotes: version: "1.20"',
    ],
    [
      "a number that loses digits",
      service("  health: { tcp: localhost:1, expect: 12345678901234567890 }\n"),
      'manifests/a.yaml:7:39: error: 12345678901234567890 is too large to be kept exactly\n    Write it in quotes: "12345678901234567890".',
    ],
    [
      "a time that is none",
      service("  restartedAt: 2026-11-20 10:00\n"),
      'manifests/a.yaml:7:16 Service/web spec.restartedAt: error: restartedAt "2026-11-20 10:00" is not a time with a time zone\n    Write it as 2026-11-20T10:00:00Z.',
    ],
    [
      "a selector that ends too soon",
      service("").replace("tag=web", "tag=web &"),
      "manifests/a.yaml:6:16 Service/web spec.on: error: Unable to read the selector: A term is missing at the end\n    tag=web &\n             ^\n    Expected a term such as tag=web, or * for every host.",
    ],
    [
      "a selector in quotes",
      service("").replace("tag=web", '"tog=web"'),
      'manifests/a.yaml:6:8 Service/web spec.on: error: Unable to read the selector: There is no key "tog"\n    tog=web\n    ^^^\n    Did you mean tag?',
    ],
    [
      "a selector on what changes",
      service("").replace("tag=web", "cpu>80"),
      'manifests/a.yaml:6:7 Service/web spec.on: error: Unable to read the selector: "cpu" changes while hosts run, so it cannot say where a manifest holds\n    cpu>80\n    ^^^\n    Expected name id tag label.NAME kind cluster node os os_version.',
    ],
    [
      "a selector that YAML takes for a type",
      service("").replace("tag=web", "!name=x"),
      "manifests/a.yaml:6:7: error: A value that starts with ! is read as a type: Unresolved tag: !name=x\n    Put the value in quotes.",
    ],
    ["a selector that YAML takes for an alias", service("").replace("tag=web", "*"), expect.stringContaining("manifests/a.yaml:6:")],
    [
      "a condition that is none",
      service("  onlyIf: web is up and running\n"),
      'manifests/a.yaml:7:11 Service/web spec.onlyIf: error: onlyIf "web is up and running" is not a condition\n    Write Kind/name is WORD, or Kind/name is not WORD, such as Service/primary is running.',
    ],
    [
      "an unknown reference",
      service("  needs: [Service/wbe]\n"),
      "manifests/a.yaml:7:11 Service/web spec.needs.0: error: There is no Service/wbe\n    Did you mean Service/web?",
    ],
    [
      "a unit that reloads and is not declared",
      file("  path: /etc/motd\n  content: hi\n  reloads: [Service/nope]\n"),
      "manifests/a.yaml:9:13 File/motd spec.reloads.0: error: There is no Service/nope\n    Declare it, or remove the reference.",
    ],
    [
      "a way out of files/",
      file("  path: /etc/motd\n  source: files/../secrets/x\n"),
      "manifests/a.yaml:8:11 File/motd spec.source: error: files/../secrets/x leaves the folder files/ or is not written plainly\n    Name a file below files/ without . or .. in its path.",
    ],
    [
      "a file that is not there",
      file("  path: /etc/motd\n  source: files/modt\n"),
      "manifests/a.yaml:8:11 File/motd spec.source: error: There is no file files/modt in the workspace\n    Did you mean files/motd?",
    ],
    [
      "a file that is no text",
      file("  path: /etc/motd\n  source: files/image.png\n"),
      "manifests/a.yaml:8:11 File/motd spec.source: error: files/image.png is not UTF-8 text of at most 1 MiB\n    Only texts can be put into files on hosts; bring binary files by a package.",
    ],
    [
      "a template's unknown name",
      file("  path: /etc/motd\n  template: { source: files/motd }\n"),
      "manifests/a.yaml:8:23 File/motd spec.template.source: error: The template names {{host.nam}}, which has no value\n    Did you mean {{host.name}}?",
    ],
    [
      "a template that does not close",
      file('  path: /etc/motd\n  template: { content: "{{#a}}", values: { a: true } }\n'),
      'manifests/a.yaml:8:24 File/motd spec.template.content: error: Unable to read the template: unclosed section "a" at character 6\n    Names stand as {{name}}; sections are closed by {{/name}}.',
    ],
    [
      "a secret that is missing",
      file("  path: /etc/motd\n  content: { secretRef: db/user }\n"),
      "manifests/a.yaml:8:3 File/motd spec.content: error: There is no secret db/user\n    Add the key to secrets/db.age.yaml.",
    ],
    [
      "two contents",
      file("  path: /etc/motd\n  content: a\n  source: files/motd\n"),
      "manifests/a.yaml:9:11 File/motd spec.source: error: content and source cannot both say what is in the file\n    Keep one of content, source, template and values.",
    ],
    [
      "a path that goes up",
      file("  path: /etc/../motd\n  content: a\n"),
      'manifests/a.yaml:7:9 File/motd spec.path: error: path cannot be "/etc/../motd"\n    Expected an absolute path such as /etc/motd, without . or .. parts, doubled slashes or a slash at the end.',
    ],
    [
      "a schedule that is none",
      service('  windows: [{ cron: "61 * * * *", duration: 1h }]\n').replace("Service", "Policy"),
      expect.stringContaining('manifests/a.yaml:7:21 Policy/web spec.windows.0.cron: error: "61 * * * *" is not a schedule: '),
    ],
    [
      "a policy on a kind that there is not",
      service("  kinds: [Servce]\n").replace("Service", "Policy"),
      'manifests/a.yaml:7:11 Policy/web spec.kinds.0: error: Unknown kind "Servce"\n    Did you mean Service?',
    ],
    [
      "something that is no resource",
      "- a\n- b\n",
      "manifests/a.yaml:1:1: error: A resource has the fields apiVersion, kind, metadata and spec",
    ],
  ])("%s", (_, text, expected) => {
    expect(said(text)).toEqual([expected]);
  });

  it("names both places of a name given twice", () => {
    expect(said(service(""), service("  state: running\n"))).toEqual([
      "manifests/b.yaml:4:9 Service/web metadata.name: error: Service/web is declared twice\n    first at manifests/a.yaml:1\n    Give one of the two another name, or remove it.",
    ]);
  });

  it("names the way round a cycle", () => {
    const three = [service("  needs: [Service/b]\n", "a"), service("  needs: [Service/c]\n", "b"), service("  needs: [Service/a]\n", "c")];
    expect(said(three.join("---\n"))).toEqual([
      "manifests/a.yaml:7:10 Service/a spec.needs: error: These resources wait for each other: Service/a -> Service/b -> Service/c -> Service/a\n    Remove one of these needs.",
    ]);
    expect(said(service("  needs: [Service/web]\n"))).toEqual([
      "manifests/a.yaml:7:10 Service/web spec.needs: error: Service/web needs itself\n    Remove one of these needs.",
    ]);
  });

  it("tells all of them at once, in the order of the file, and goes on after a broken document", () => {
    const text = [service("  state: runing\n  enabld: true\n", "a"), "a: [", service("  enabled: 1\n", "b"), service("", "good")].join(
      "\n---\n",
    );
    const { problems, resources } = load(text);
    expect(problems.map(({ where }) => where?.line)).toEqual([7, 8, 12, 19]);
    expect(resources.map(({ id }) => id)).toEqual(["Service/good"]);
  });

  it("stops at a thousand", () => {
    const { problems } = load(Array.from({ length: 1200 }, (_, i) => service("  state: no\n", `s${i}`)).join("---\n"));
    expect(problems).toHaveLength(1000);
    expect(problems.at(-1)?.summary).toBe("201 more problems are not shown");
  });

  it("refuses a file that is too large, or no UTF-8", () => {
    const files = [
      { path: "manifests/a.yaml", blob: "a", size: 2 ** 21, text: undefined },
      { path: "manifests/b.yaml", blob: "b", size: 10, text: undefined },
    ];
    expect(loadManifests(files, kinds, context).problems.map(printProblem)).toEqual([
      "manifests/a.yaml:1:1: error: The file has 2097152 bytes; a manifest may have 1048576\n    Split it into several files.",
      "manifests/b.yaml:1:1: error: The file is not valid UTF-8\n    Save it as UTF-8.",
    ]);
  });

  it.each([
    [
      "an alias bomb",
      `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c]\n`,
      "manifest/alias-bomb",
    ],
    ["brackets without end", "[".repeat(1_000_000), "manifest/too-deep"],
    ["braces without end", "{a: ".repeat(200_000), "manifest/too-deep"],
    ["dashes without end", "- ".repeat(500_000), "manifest/too-deep"],
    ["closing brackets without end", "]".repeat(1_000_000), "manifest/too-large"],
    ["a million aliases", `a: &x 1\nb: [${"*x,".repeat(100_000)}]`, "manifest/alias-bomb"],
  ])("survives %s", (_, text, code) => {
    expect(load(text, service("")).problems.map((problem) => problem.code)).toEqual([code]);
  });
});

describe("loading again", () => {
  const files = (state: string, motd = "hi"): SourceFile[] => [
    source("manifests/a.yaml", service(`  state: ${state}\n  needs: [File/motd]\n`)),
    source("manifests/b.yaml", file(`  path: /etc/motd\n  content: ${motd}\n  reloads: [Service/web]\n`)),
    source("manifests/c.yaml", file("  path: /etc/x\n  source: files/x\n", "x")),
  ];
  const at = (content: string | undefined): CheckContext => ({ ...context, file: () => content, fileExists: () => content !== undefined });

  it("gives what a fresh load gives, after any change, and the same objects where nothing changed", () => {
    const cache = manifestCache();
    const plain = (loaded: ReturnType<typeof load>): unknown => [
      loaded.resources.map(({ id, digest, resource, where }) => [id, digest, resource, where()]),
      loaded.problems,
    ];
    const states = [
      files("running"),
      files("stopped"),
      files("runing"),
      files("running").slice(0, 1),
      files("running").slice(1),
      files("running", "you"),
      [...files("running"), source("manifests/0.yaml", service(""))],
      files("running"),
    ];
    let before = loadManifests(files("running"), kinds, at("x"), cache);
    for (const state of states) {
      const now = loadManifests(state, kinds, at("x"), cache);
      expect(plain(now)).toEqual(plain(loadManifests(state, kinds, at("x"))));
      before = now;
    }
    expect(loadManifests(files("running"), kinds, at("x"), cache).resources).toEqual(before.resources);
    expect(loadManifests(files("stopped"), kinds, at("x"), cache).resources[1]).toBe(before.resources[1]);
  });

  it("sees when a file that a manifest names comes and goes", () => {
    const cache = manifestCache(),
      codes = (content: string | undefined) => loadManifests(files("running"), kinds, at(content), cache).problems.map(({ code }) => code);
    expect([codes("x"), codes(undefined), codes("y")]).toEqual([[], ["manifest/unknown-file"], []]);
  });

  it("puts the unit in force where a file names a Service whose unit changes", () => {
    const cache = manifestCache(),
      reloads = (unit: string) =>
        loadManifests([source("manifests/a.yaml", service(`  unit: ${unit}\n`)), files("running")[1]!], kinds, context, cache).resources[1];
    const first = reloads("one"),
      second = reloads("two");
    expect([first?.resource.spec["reloads"], second?.resource.spec["reloads"]]).toEqual([["one.service"], ["two.service"]]);
    expect(first?.digest).not.toBe(second?.digest);
  });

  it("takes files that a worker parsed, as plain data", () => {
    const cache = manifestCache(),
      [one] = files("runing");
    cache.parsed.set(one!.blob, structuredClone(parseFile(one!, kinds)));
    expect(loadManifests([one!], kinds, context, cache).problems).toEqual(loadManifests([one!], kinds, context).problems);
  });

  it("can be done in pieces", () => {
    const loading = loadInPieces(files("running"), kinds, at("x"), manifestCache());
    let step = loading.next(),
      pieces = 1;
    for (; step.done !== true; step = loading.next()) pieces++;
    expect(pieces).toBeGreaterThan(3);
    expect(step.value.resources).toHaveLength(3);
  });
});

/** Every pattern below a schema. */
function patterns(schema: unknown): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const own = Object.entries(schema).flatMap(([key, value]) =>
    key === "pattern" && typeof value === "string" ? [value] : key === "patternProperties" ? Object.keys(value as object) : [],
  );
  return [...own, ...Object.values(schema).flatMap(patterns)];
}

it("says every pattern of a kind and of the settings in words", () => {
  const all = new Set([...kinds.values(), { spec: SettingsFile }].flatMap(({ spec }) => patterns(spec)));
  expect([...all].filter((pattern) => pattern !== "^.*$" && patternWords(pattern) === undefined)).toEqual([]);
});
