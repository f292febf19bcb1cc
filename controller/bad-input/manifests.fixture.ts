import { expect } from "vitest";
import { file, service, until } from "../loop/testing.ts";
import type { BadThing, Standing } from "./standing.fixture.ts";

const path = "manifests/bad.yaml";
const bomb = `a: &a [x,x,x,x,x,x,x,x,x,x]\n${[..."bcdefghi"]
  .map((name, at) => `${name}: &${name} [${Array(10).fill(`*${"abcdefgh"[at]}`).join(",")}]`)
  .join("\n")}\n`;

/** A commit over the API is refused with these words and leaves nothing behind; the same pushed by a person is told with them. */
const refused = (text: string | Buffer, says: readonly string[]): BadThing => ({
  says,
  async feed(to) {
    const edits = [{ path, text: String(text) }],
      // A text that is larger than a file may be, or none at all, does not fit into a request.
      answer =
        typeof text === "string" && text.length < 1_048_576
          ? await to.api("POST", "/api/v1/commits", { edits, message: "bad" })
          : undefined;
    expect(await to.repo.git("rev-parse", "main")).toBe(to.good);
    const pushed = await to.commit({ [path]: text });
    if (answer !== undefined) expect([answer.status, answer.problems]).toEqual([400, pushed]);
    return pushed;
  },
});

const warned = (text: string, read: (to: Standing) => Promise<unknown>, says: unknown): BadThing => ({
  says,
  takesEffect: true,
  async feed(to) {
    expect(await to.commit({ [path]: text })).toEqual([]);
    return read(to);
  },
});

const warnings = async (to: Standing): Promise<string[]> => {
  const { printProblem } = await import("../../schemas/problem.ts");
  return (await to.status()).problems.map(printProblem);
};

/** Manifests that cannot be right, and what is told about them with file, line and column. */
export const manifests = {
  "YAML that does not parse": refused("kind: [Service\n", [
    "manifests/bad.yaml:2:1: error: This is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]\n    Fields of one mapping start in the same column; what belongs to a field stands further right.",
  ]),
  "duplicate keys": refused(service("a", "state: running\nstate: stopped"), [
    'manifests/bad.yaml:8:3: error: "state" stands here a second time\n    Keep one of the two.',
  ]),
  "unknown kind": refused(service("a", "state: running").replace("Service", "Servise"), [
    'manifests/bad.yaml:2:7 Servise/a kind: error: Unknown kind "Servise"\n    Did you mean Service?',
  ]),
  "unknown field": refused(service("a", "stat: running"), [
    'manifests/bad.yaml:7:3 Service/a spec.stat: error: Unknown field "stat" in spec\n    Did you mean state?',
  ]),
  "wrong types": refused(service("a", "enabled: 7"), [
    "manifests/bad.yaml:7:12 Service/a spec.enabled: error: enabled has to be true or false, not 7",
  ]),
  "unknown unit": warned(
    service("ngnix", "state: running"),
    async (to) => {
      await until(() => to.running.controller.instance("Service/ngnix@web-01").state === "blocked");
      return to.running.controller.instance("Service/ngnix@web-01").reason;
    },
    "ngnix.service does not exist on this host; did you mean nginx.service?",
  ),
  "unknown host": warned(service("a", "state: running", "name=web-1"), warnings, [
    "manifests/bad.yaml:5:7 Service/a spec.on: warning: Service/a: no host matches 'name=web-1'\n    Did you mean web-01? It takes effect as soon as a host matches.",
  ]),
  "unknown reference": refused(service("a", "state: running\nneeds: [File/pag]"), [
    "manifests/bad.yaml:8:11 Service/a spec.needs.0: error: There is no File/pag\n    Did you mean File/page?",
  ]),
  cycle: refused(`${service("a", "needs: [Service/b]")}---\n${service("b", "needs: [Service/a]")}`, [
    "manifests/bad.yaml:7:10 Service/a spec.needs: error: These resources wait for each other: Service/a -> Service/b -> Service/a\n    Remove one of these needs.",
  ]),
  "empty selector match": warned(service("a", "state: running", "tag=wbe"), warnings, [
    "manifests/bad.yaml:5:7 Service/a spec.on: warning: Service/a: no host matches 'tag=wbe'\n    It takes effect as soon as a host matches.",
  ]),
  "selector syntax error": refused(service("a", "state: running", '"tag=web & ("'), [
    "manifests/bad.yaml:5:19 Service/a spec.on: error: Unable to read the selector: A term is missing at the end\n    tag=web & (\n               ^\n    Expected a term such as tag=web, or * for every host.",
  ]),
  "file of 2 MiB": refused(`# ${"x".repeat(2 * 1024 * 1024)}\n`, [
    "manifests/bad.yaml:1:1: error: The file has 2097155 bytes; a manifest may have 1048576\n    Split it into several files.",
  ]),
  "alias bomb": refused(bomb, ["manifests/bad.yaml:1:1: error: Aliases of aliases would grow without end\n    Write the values out."]),
  "path traversal in source": refused(file("evil", "/srv/evil", "source: files/../../secret"), [
    "manifests/bad.yaml:7:11 File/evil spec.source: error: files/../../secret leaves the folder files/ or is not written plainly\n    Name a file below files/ without . or .. in its path.",
  ]),
  "non-UTF-8": refused(Buffer.from([0x61, 0xff, 0xfe, 0x0a]), [
    "manifests/bad.yaml:1:1: error: The file is not valid UTF-8\n    Save it as UTF-8.",
  ]),
  "secret missing": refused(file("env", "/srv/env", "content: { secretRef: db/password }"), [
    "manifests/bad.yaml:7:3 File/env spec.content: error: There is no secret db/password\n    Add the key to secrets/db.age.yaml.",
  ]),
  "two resources that own the same path": refused(file("other", "/srv/page", 'content: "x"'), [
    "manifests/page.yaml:5:7 File/page spec.on: error: File/other and File/page both set the file /srv/page on web-01\n    File/other is declared at manifests/bad.yaml:1\n    Let their selectors pick different hosts, or keep one of the two.",
  ]),
  "two resources that own the same unit": refused(service("other", "state: stopped").replace("other.service", "nginx.service"), [
    "manifests/bad.yaml:5:7 Service/other spec.on: error: Service/nginx and Service/other both set the unit nginx.service on web-01\n    Service/nginx is declared at manifests/nginx.yaml:1\n    Let their selectors pick different hosts, or keep one of the two.",
  ]),
  "a manifest that would delete more than the blast radius": {
    takesEffect: true,
    says: [
      [],
      ["delete", "delete"],
      409,
      [
        "error: The plan goes beyond Policy/few: it removes 2 things, and 1 are allowed within 60 min.\n    Split the change, wait, or raise the limit in git.",
      ],
    ],
    async feed(to) {
      const errors = await to.commit({
        "manifests/page.yaml": file("page", "/srv/page", "state: absent"),
        "manifests/more.yaml": file("more", "/etc/hostname", "state: absent"),
      });
      await until(() => to.running.controller.status().instances.unknown === 0);
      const plan = await to.api("POST", "/api/v1/plans", {}),
        answer = await to.api("POST", `/api/v1/plans/${String(plan.json["digest"])}/approve`, {});
      return [errors, ((plan.json["changes"] ?? []) as { act: string }[]).map(({ act }) => act), answer.status, answer.problems];
    },
  },
} satisfies Record<string, BadThing>;
