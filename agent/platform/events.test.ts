import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { HostEvent } from "../../schemas/report.ts";
import { matchingSyslog } from "../probes/journal.ts";
import { ownMark, tellPackageChanges } from "./packages/apt-history.ts";
import { parseSyslog } from "./syslog.ts";
import { failureIn } from "./systemd/failures.ts";
import { pathOfUnit } from "./systemd/names.ts";

const job = (unit: string, result: string) => ({ path: "/", interface: "", member: "JobRemoved", body: [1, "/job/1", unit, result] });
const result = (unit: string, value: string) => ({
  path: pathOfUnit(unit),
  interface: "",
  member: "PropertiesChanged",
  body: ["org.freedesktop.systemd1.Service", { Result: value }, []],
});

test("systemd's signals: failed jobs and processes killed for memory are events, the rest is none", () => {
  expect(failureIn(job("a.service", "failed"), 7)).toEqual({
    at: 7,
    type: "job-failed",
    subject: "a.service",
    text: "the job of a.service failed",
  });
  expect(failureIn(result("a.service", "oom-kill"), 7)).toMatchObject({ type: "oom-kill", subject: "a.service" });
  for (const signal of [job("a.service", "done"), job("backend-ai-step-1.service", "failed"), result("a.service", "success")])
    expect(failureIn(signal, 7)).toBeUndefined();
});

const entry = (command: string, change: string) =>
  `\nStart-Date: 2026-11-20  15:11:16\nCommandline: ${command}\nRequested-By: alice (1000)\n${change}\nEnd-Date: 2026-11-20  15:11:16\n`;

test("apt's history: what others do from now on is told once it is finished, what we do is not", async () => {
  const folder = await mkdtemp(join(tmpdir(), "apt-"));
  const path = join(folder, "history.log"),
    events: HostEvent[] = [];
  await writeFile(path, entry("apt-get install old", "Install: old:amd64 (1)"));
  const next = Promise.withResolvers<void>();
  const stop = await tellPackageChanges((event) => {
    events.push(event);
    next.resolve();
  }, path);
  await appendFile(path, entry(`apt-get ${ownMark.join(" ")} install mine`, "Install: mine:amd64 (1)"));
  const theirs = entry("apt-get remove tree", "Remove: tree:amd64 (2.1), x-lib:all (1, automatic)");
  await appendFile(path, theirs.slice(0, 60));
  await appendFile(path, theirs.slice(60));
  await next.promise;
  stop();
  await rm(folder, { recursive: true });
  expect(events).toMatchObject([
    {
      type: "packages-changed",
      subject: "tree x-lib",
      text: "alice by apt-get remove tree: remove tree:amd64 (2.1), x-lib:all (1, automatic)",
    },
  ]);
});

test("syslog files: times with and without a year, busybox's priorities, filters, newest last is up to the caller", () => {
  const now = Date.parse("2026-01-02T00:00:00");
  const lines = parseSyslog(
    [
      "Dec 31 23:00:00 web-1 nginx[42]: token=abc started",
      "Jan  1 10:00:00 web-1 daemon.err nginx[42]: broken",
      "2026-01-01T11:00:00.500000+00:00 web-1 sshd[1]: hi",
      "rubbish",
    ].join("\n"),
    now,
  );
  expect(lines.map(({ at }) => at)).toEqual([
    Date.parse("2025-12-31T23:00:00"),
    Date.parse("2026-01-01T10:00:00"),
    Date.parse("2026-01-01T11:00:00.500Z"),
  ]);
  expect(matchingSyslog(lines, { lines: 10, unit: "nginx.service" }).map(({ text }) => text)).toEqual(["broken", "token=******** started"]);
  expect(matchingSyslog(lines, { lines: 10, priority: 2, match: "B" })).toEqual([]);
});
