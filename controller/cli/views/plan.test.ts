import { expect, test } from "vitest";
import { warning } from "../../../schemas/problem.ts";
import { aChange, aPlan } from "../../http/testing.ts";
import { clean } from "../clean.ts";
import { coloured, plain } from "../paint.ts";
import { hostsText } from "./hosts-text.ts";
import { planView } from "./plan.ts";
import { valueText } from "./value.ts";

const web = ["web-01", "web-02", "web-03"];
const step = (id: string, host: string) => ({ id, host, action: "file.write", input: {}, undo: null, timeoutMs: 1000, validator: "nginx" });

const whole = aPlan(
  [
    aChange("web-01", {
      id: "Package/nginx@web-01",
      resource: "Package/nginx",
      act: "create",
      summary: "install nginx 1.22.1-9",
      differences: [{ path: "state", want: "present", have: "absent" }],
      consequence: "none",
      risk: "medium",
      reasons: ["first change of this resource on this host"],
      undo: { how: "possible", note: "removes it again" },
      steps: [],
    }),
    ...web.map((host) =>
      aChange(host, {
        id: `File/site@${host}`,
        resource: "File/site",
        summary: "write /etc/nginx/conf.d/site.conf",
        cause: "drift",
        needs: [`Package/nginx@${host}`],
        consequence: "reload",
        risk: "low",
        reasons: [],
        differences: [
          { path: "content", diff: "@@ -1,3 +1,3 @@\n server {\n-    listen 80;\n+    listen 8080;\n }" },
          { path: "mode", want: "0644", have: "0600" },
          { path: "token", want: { secretRef: "web/token" } },
        ],
        undo: { how: "trivial", note: "writes back what was there" },
        steps: [step(`File/site@${host}#1`, host)],
      }),
    ),
    ...web.map((host, batch) =>
      aChange(host, {
        act: "restart",
        summary: `restart nginx.service on ${host}`,
        after: [`File/site@${host}`],
        differences: [{ path: "restartedAt", want: "2026-11-20T10:00:00Z", have: "2026-11-01T00:00:00Z" }],
        undo: { how: "impossible", note: "it has happened" },
        health: [{ http: "http://localhost/healthz", expect: 200, withinMs: 30_000 }],
        onFailure: "rollback",
        rollout: { resource: "Service/nginx", batch, maxUnavailable: 1, pauseMs: 10_000 },
        reasons: ["restart", "3 hosts"],
      }),
    ),
    aChange("db-01", {
      id: "File/old@db-01",
      resource: "File/old",
      act: "delete",
      cause: "orphan",
      summary: "remove /etc/old.conf",
      differences: [{ path: "state", want: "absent", have: "present" }],
      consequence: "none",
      risk: "high",
      reasons: ["tag production"],
      undo: { how: "possible", note: "puts the backup back" },
    }),
  ],
  {
    risk: "high",
    approval: { needed: true, by: "ann", notRequester: true, reasons: ["high: tag production", "medium: restart, 3 hosts"] },
    unknown: ["web-08", "web-09"].map((host) => ({ id: `Service/nginx@${host}`, reason: "its agent is offline" })),
    blocked: [
      { id: "Service/web@web-01", reason: "there is no unit web.service", hint: "Install what brings it first: needs: [Package/web]" },
    ],
    orphaned: [{ id: "File/cron@db-02", reason: "no policy allows to remove it" }],
    later: [aChange("new-01", { act: "start" })],
    problems: [
      warning("selector/matches-nothing", "on: tag=cache picks no host", { where: { file: "manifests/cache.yaml", line: 7, column: 7 } }),
    ],
  },
);

test("a plan tells what, where, field by field, with what consequence, risk and way back", () => {
  expect(`\n${planView(whole, plain)}\n`).toMatchInlineSnapshot(`
    "
    Plan 3f9c2a1b3f9c of commit 8a1b2c3d8a1b

    + Package/nginx on web-01: create
        install nginx 1.22.1-9
        state  absent -> present
        consequence: none: nothing that runs is touched
        risk: medium (first change of this resource on this host)
        undo: removes it again

    ~ File/site on web-01, web-02, web-03: update, which drifted
        write /etc/nginx/conf.d/site.conf
        content:
            @@ -1,3 +1,3 @@
             server {
            -    listen 80;
            +    listen 8080;
             }
        mode   "0600" -> "0644"
        token  (none) -> (secret web/token)
        after: Package/nginx
        checked before it goes live by: nginx
        consequence: reload
        risk: low
        undo: writes back what was there

    ↻ Service/nginx on web-01, web-02, web-03: restart
        restart nginx.service on each
        restartedAt  2026-11-01T00:00:00Z -> 2026-11-20T10:00:00Z
        after: File/site
        rollout: 3 batches, at most 1 host down at a time, 10 s between: web-01, then web-02, then web-03
        healthy when: http://localhost/healthz answers 200 within 30 s
        on failure: takes it back and stops
        consequence: restart
        risk: medium (restart; 3 hosts)
        undo: cannot be undone: it has happened

    - File/old on db-01: delete, which left the manifests
        remove /etc/old.conf
        state  present -> absent
        consequence: none: nothing that runs is touched
        risk: high (tag production)
        undo: puts the backup back

    Follows later, with the same approval:

    > Service/nginx on new-01: start
        set nginx.service running and enabled
        state    stopped -> running
        enabled  false -> true
        consequence: restart
        risk: medium (restart; 2 hosts)
        undo: stops and disables it again

    Unknown, so left alone:
    ? Service/nginx on web-08, web-09: its agent is offline

    Blocked:
    ! Service/web on web-01: there is no unit web.service
        Install what brings it first: needs: [Package/web]

    In no manifest any more:
    * File/cron on db-02: no policy allows to remove it

    manifests/cache.yaml:7:7: warning: on: tag=cache picks no host

    Needs approval because of:
      high: tag production
      medium: restart, 3 hosts

    Plan: 1 to create, 3 to update, 1 to remove, 3 to restart on 4 hosts; risk high (tag production); 1 follows later, 2 unknown, 1 blocked; needs approval by ann, and not by who asked.
    "
  `);
});

test("a plan without changes says what is in sync, and what nobody knows", () => {
  expect(planView(aPlan([], { unknown: whole.unknown, inSync: 42 }), plain)).toBe(
    "Unknown, so left alone:\n? Service/nginx on web-08, web-09: its agent is offline\n\nPlan: nothing to do; 42 in sync, 2 unknown.",
  );
});

test("colour changes nothing but colour", () => {
  const text = planView(whole, coloured);
  expect(text).toContain("\u001b[32m+");
  expect(text.replaceAll(/\u001b\[\d+m/g, "")).toBe(planView(whole, plain));
});

test("changes that differ in more than their host stand apart", () => {
  const apart = [aChange("web-01"), aChange("web-02", { risk: "high" }), aChange("web-03")];
  expect(planView(aPlan(apart), plain).match(/^~ .*$/gm)).toEqual([
    "~ Service/nginx on web-01, web-03: update",
    "~ Service/nginx on web-02: update",
  ]);
});

test.each([
  ["stopped", "stopped"],
  ["a b c", "a b c"],
  ["", '""'],
  ["0644", '"0644"'],
  ["true", '"true"'],
  [true, "true"],
  [undefined, "(none)"],
  [["a", 1], "[a, 1]"],
  [{ a: { b: 2 } }, "{ a: { b: 2 } }"],
  [{ secretRef: "db/password" }, "(secret db/password)"],
  [{ join: ["user=x pass=", { secretRef: "db/password" }] }, "user=x pass=(secret db/password)"],
])("the value %j reads %s", (value, text) => expect(valueText(value)).toBe(text));

test("what a host says cannot steer the terminal", () => {
  const sly = clean(aPlan([aChange("web-01", { summary: "\u001b[2J\u001b]0;owned\u0007 \u202eok" })]));
  expect(planView(sly, plain)).not.toMatch(/[\u001b\u0007\u202e]/);
});

test("many hosts are cut to a number", () => {
  expect(hostsText(Array.from({ length: 100 }, (_, n) => `h${n}`))).toMatch(/^h0, h1, .* h19 and 80 more \(100 hosts\)$/);
});
