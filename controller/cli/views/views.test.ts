import { expect, test } from "vitest";
import { error } from "../../../schemas/problem.ts";
import { aHost, aResource, standIn } from "../../http/testing.ts";
import { plain } from "../paint.ts";
import { fileChangesView } from "./diff.ts";
import { agentsView, hostView, topView } from "./hosts.ts";
import { problemView } from "./problem.ts";
import { driftView, instanceView, resourcesView } from "./resources.ts";
import { runView } from "./run.ts";
import { statusView } from "./status.ts";
import { durationText } from "./time.ts";

const now = Date.parse("2026-11-20T10:05:00Z");

test("status says what is in force, what differs, and what waits with the command that decides it", () => {
  const status = {
    ...standIn().status,
    head: "dead".repeat(10),
    pendingPlan: "3f9c2a1b".repeat(8),
    drift: 2,
    problems: [
      error("manifest/unknown-field", "there is no field stat", {
        hint: "Did you mean state?",
        where: { file: "manifests/web.yaml", line: 3, column: 5 },
      }),
    ],
  };
  expect(`\n${statusView(status, plain)}\n`).toMatchInlineSnapshot(`
    "
    Controller  ctl-1, version 0.1.0
    Workspace   /srv/workspace, branch main
    In force    commit 8a1b2c3d8a1b
    Head        commit deaddeaddead is not in force: 1 problem
    Hosts       1 of 2 online
    Resources   on hosts: 5 in sync, 2 differ, 1 unknown
    Drift       2 alerts open: backend-ai drift
    Plan        3f9c2a1b3f9c waits for approval: backend-ai approve 3f9c2a1b3f9c

    manifests/web.yaml:3:5: error: there is no field stat
        Did you mean state?
    "
  `);
});

test("agents, the busiest hosts and one host are tables without lines around them", () => {
  const hosts = [aHost("web-01"), aHost("web-02", { online: false, state: "offline", metrics: undefined })];
  expect(
    `\n${agentsView(now)(hosts, plain)}\n\n${topView(hosts, plain)}\n\n${hostView(now)(aHost("web-01", { clockOffsetMs: 90_000 }), plain)}\n`,
  ).toMatchInlineSnapshot(`
    "
    HOST    STATE    LAST SEEN    VERSION  OS         ADDRESS   IN SYNC  OPEN  TAGS
    web-01  online   now          0.1.0    Debian 12  10.0.0.5  3        0     webserver
    web-02  offline  5 m 0 s ago  0.1.0    Debian 12  10.0.0.5  3        0     webserver

    HOST    CPU      MEMORY  SWAP  LOAD  FULLEST DISK  RECEIVES   SENDS
    web-01  12 %     40 %    0 %   0.40  31 % /        1.2 KiB/s  88 KiB/s
    web-02  offline

    Host       web-01
    Agent      agent-web-01, version 0.1.0, online
    Address    10.0.0.5
    OS         Debian 12
    Tags       webserver
    Labels     team=web
    Clock      1 m 30 s behind
    Resources  3 in sync, 0 open
    "
  `);
});

test("resources and instances say how they stand", () => {
  const [first, second] = aResource("Service/nginx", ["web-01", "web-02"]).instances;
  const drifted = { ...first!, state: "drifted" as const, differences: [{ path: "state", want: "running", have: "stopped" }] };
  expect(
    `\n${resourcesView([{ ...aResource("Service/nginx", []), instances: [drifted, second!] }], plain)}\n\n${instanceView(now)(drifted, plain)}\n`,
  ).toMatchInlineSnapshot(`
    "
    RESOURCE       HOSTS  STATE                 ON             MANIFEST
    Service/nginx  2      1 drifted, 1 in-sync  tag=webserver  manifests/nginx.yaml:1

    Instance  Service/nginx@web-01
    State     drifted
    Is        running
    Observed  5 m 0 s ago

    Service/nginx@web-01 differs (observed -> wanted):
        state  stopped -> running

    Observed fact:
    active: active
    "
  `);
});

test("drift names who did it", () => {
  const alert = {
    instance: "Service/nginx@web-01",
    since: "2026-11-20T10:04:00Z",
    mode: "alert",
    differences: [{ path: "state", want: "running", have: "stopped" }],
    by: { who: "eve", how: "systemctl stop nginx" },
  };
  expect(driftView(now)([alert], plain)).toBe(
    "! Service/nginx@web-01 drifted 1 m 0 s ago, by eve: systemctl stop nginx\n    observed -> wanted:\n    state  stopped -> running\n    drift mode: alert",
  );
});

test("a run says what went wrong", () => {
  const problem = error("service/start-failed", "Unable to start nginx.service: it exited with status 1", { detail: "bind() failed" });
  const run = {
    id: "run-1",
    digest: "3f9c2a1b".repeat(8),
    state: "partial",
    startedAt: "2026-11-20T10:00:00Z",
    endedAt: "2026-11-20T10:00:02Z",
    by: "ann",
    changes: [
      {
        id: "Service/nginx@web-01",
        summary: "start",
        state: "done",
        steps: [{ id: "Service/nginx@web-01#1", action: "service.set", host: "web-01", state: "done", ms: 120 }],
      },
      {
        id: "Service/nginx@web-02",
        summary: "start",
        state: "failed",
        steps: [{ id: "Service/nginx@web-02#1", action: "service.set", host: "web-02", state: "failed", ms: 80, problem }],
      },
    ],
  };
  expect(`\n${runView(run, plain)}\n`).toMatchInlineSnapshot(`
    "
    Run run-1 of plan 3f9c2a1b3f9c, approved by ann

    HOST    RESOURCE       STATE   STEPS TOOK  WHAT
    web-01  Service/nginx  done    120 ms      start
    web-02  Service/nginx  failed  80 ms       start

    Service/nginx@web-02#1 service.set failed: error: Unable to start nginx.service: it exited with status 1
        bind() failed

    Run run-1 partial in 2 s: 2 changes (1 done, 1 failed).
    "
  `);
});

test("a problem shows its line with a caret, tabs and all", () => {
  const problem = error("manifest/unknown-field", "there is no field stat", {
    where: { file: "manifests/web.yaml", line: 7, column: 3 },
    hint: "Did you mean state?",
  });
  expect(problemView(problem, plain, () => "\t\tstat: running")).toBe(
    "manifests/web.yaml:7:3: error: there is no field stat\n    7 |   stat: running\n          ^\n    Did you mean state?",
  );
});

test("edits of files are diffs with their names; a new file comes from /dev/null", () => {
  expect(fileChangesView([{ path: "manifests/a.yaml", before: undefined, after: "kind: File\n" }], plain)).toBe(
    "--- /dev/null\n+++ b/manifests/a.yaml\n@@ -0,0 +1,1 @@\n+kind: File",
  );
});

test.each([
  [20, "20 ms"],
  [1234, "1.2 s"],
  [10_000, "10 s"],
  [200_000, "3 m 20 s"],
  [7_500_000, "2 h 5 m"],
  [270_000_000, "3 d 3 h"],
])("%i ms reads %s", (ms, text) => expect(durationText(ms)).toBe(text));
