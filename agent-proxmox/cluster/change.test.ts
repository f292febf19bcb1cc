import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { ProblemError } from "../../schemas/problem.ts";
import { pveClient } from "../pve/client.ts";
import { type Answer, type Arrived, node } from "../pve/node.fixture.ts";
import { change, type ChangeRequest } from "./change.ts";
import { type Journal, openJournal } from "./journal.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const now = 1_795_177_000_000,
  who = "agent@pve!one";
const upidAt = (seconds: number, type = "vzstart", user = who): string =>
  `UPID:pve1:00001F61:000B94B3:${(now / 1000 + seconds).toString(16).toUpperCase()}:${type}:118:${user}:`;
const start: ChangeRequest = {
  method: "POST",
  path: "/nodes/pve1/lxc/118/status/start",
  node: "pve1",
  guest: 118,
  types: ["vzstart"],
  part: "start",
  what: "start container web (118)",
};
const refusal = (status: number, message: string): Answer => ({ status, reason: message, body: { data: null, message: `${message}\n` } });

/** A node with one task, and what an agent needs to change it; `again`: the same as after a crash, from the journal on disk. */
async function stand(
  answer: (arrived: Arrived, count: number) => Answer | undefined,
  task: { readonly exit?: string; readonly listed?: readonly object[] } = {},
) {
  const folder = await mkdtemp(join(tmpdir(), "journal-"));
  const server = await node((arrived, count) => {
    const own = answer(arrived, count);
    if (own !== undefined) return own;
    if (arrived.path.includes("/log")) return { body: { data: [{ n: 1, t: "starting" }] } };
    if (arrived.path.endsWith("/status")) return { body: { data: { status: "stopped", exitstatus: task.exit ?? "OK" } } };
    if (arrived.path.includes("/tasks?")) return { body: { data: task.listed ?? [] } };
    return { body: { data: upidAt(1) } };
  });
  const client = pveClient({ endpoints: [server.endpoint], credentials: { token: who, secret: "0".repeat(36) }, backOffMs: [1] });
  ends.push(
    () => rm(folder, { recursive: true }),
    server.close,
    () => client.close(),
  );
  const said: string[] = [];
  const run = async (step = "s#1", request: ChangeRequest = start) => {
    const journal = await openJournal(join(folder, "cluster.json"), () => now);
    const outcome = await change(request, {
      client,
      journal,
      step,
      signal: new AbortController().signal,
      progress: (text) => said.push(text),
      now: () => now,
    }).then(
      (end) => end?.outcome ?? "nothing",
      (failure: unknown) => {
        if (!(failure instanceof ProblemError)) throw failure;
        return failure.problems[0]!;
      },
    );
    return { outcome, journal };
  };
  const posts = (): number => server.arrived.filter(({ method }) => method === "POST").length;
  return {
    run,
    posts,
    said,
    arrived: server.arrived,
    note: async (dispatched: Parameters<Journal["note"]>[0]) =>
      (await openJournal(join(folder, "cluster.json"), () => now)).note(dispatched),
  };
}

const dispatched = { step: "s#1", part: "start", node: "pve1", types: ["vzstart"], guest: 118, at: now };

describe("a request that changes a guest", () => {
  test("is waited for until its task is over, with its log as progress, and its note goes", async () => {
    const { run, said, posts } = await stand(() => undefined);
    const { outcome, journal } = await run();
    expect([outcome, said, posts()]).toEqual(["done", ["starting"], 1]);
    expect(journal.find("s#1", "start")).toBeUndefined();
  });

  test("that was answered with 200 can fail in its task, which is told with what the node said", async () => {
    const { run } = await stand(() => undefined, { exit: "CT is locked (backup)" });
    expect((await run()).outcome).toMatchObject({
      code: "pve/task-failed",
      summary: "Unable to start container web (118): CT is locked (backup)",
      retry: "later",
      detail: "starting",
    });
  });

  test("with warnings is done", async () => {
    const { run } = await stand(() => undefined, { exit: "WARNINGS: 2" });
    expect((await run()).outcome).toBe("done");
  });

  test("that changes nothing any more has no task", async () => {
    const { run } = await stand(({ method }) => (method === "POST" ? { body: { data: null } } : undefined));
    expect((await run()).outcome).toBe("nothing");
  });

  test("is tried again where a file lock was waited for in vain: then nothing was done", async () => {
    const { run, posts } = await stand(({ method }, count) =>
      method === "POST" && count === 1 ? refusal(500, "can't lock file '/run/lock/lxc/pve-config-118.lock' - got timeout") : undefined,
    );
    expect((await run()).outcome).toBe("done");
    expect(posts()).toBe(2);
  });

  test("that is refused says which right is missing", async () => {
    const { run } = await stand(({ method }) =>
      method === "POST" ? refusal(403, "Permission check failed (/vms/118, VM.PowerMgmt)") : undefined,
    );
    expect((await run()).outcome).toMatchObject({
      code: "pve/right",
      summary: "Unable to start container web (118): Permission check failed (/vms/118, VM.PowerMgmt)",
    });
  });
});

describe("after a crash", () => {
  test("a task whose UPID is known is waited for, and nothing is sent again", async () => {
    const { run, posts, note } = await stand(() => undefined);
    await note({ ...dispatched, upid: upidAt(1) });
    expect((await run()).outcome).toBe("done");
    expect(posts()).toBe(0);
  });

  test("a task whose UPID was not written down any more is found by type, guest, user and time", async () => {
    const listed = [
      { upid: upidAt(-3600), type: "vzstart", id: "118", user: "agent@pve", starttime: now / 1000 - 3600 },
      { upid: upidAt(1, "vzstart", "root@pam"), type: "vzstart", id: "118", user: "root@pam", starttime: now / 1000 + 1 },
      { upid: upidAt(2), type: "vzstart", id: "118", user: "agent@pve", starttime: now / 1000 + 2 },
    ];
    const { run, posts, note, arrived } = await stand(() => undefined, { listed });
    await note(dispatched);
    expect((await run()).outcome).toBe("done");
    expect(posts()).toBe(0);
    expect(arrived.some(({ path }) => path.includes(encodeURIComponent(upidAt(2))))).toBe(true);
  });

  test("a request of which no task tells is neither done nor failed: it is not sent again", async () => {
    const { run, posts, note } = await stand(() => undefined);
    await note(dispatched);
    expect((await run()).outcome).toMatchObject({ code: "pve/answer-lost", retry: "later" });
    expect(posts()).toBe(0);
  });

  test("the answer that was lost on the way is looked for at once", async () => {
    const listed = [{ upid: upidAt(0), type: "vzstart", id: "118", user: "agent@pve", starttime: now / 1000 }];
    const { run, posts } = await stand(({ method }) => (method === "POST" ? { cut: true } : undefined), { listed });
    expect((await run()).outcome).toBe("done");
    expect(posts()).toBe(1);
  });

  test("a task that begins only after its answer was lost is found, too", async () => {
    const listed: object[] = [];
    const { run, posts } = await stand(
      ({ method, path }) => {
        if (method === "POST") return { cut: true };
        // Not there at the first look.
        if (path.includes("/tasks?") && listed.length === 0) {
          listed.push({ upid: upidAt(1), type: "vzstart", id: "118", user: "agent@pve", starttime: now / 1000 + 1 });
          return { body: { data: [] } };
        }
        return undefined;
      },
      { listed },
    );
    expect((await run()).outcome).toBe("done");
    expect(posts()).toBe(1);
  });

  test("another step is another matter", async () => {
    const { run, posts, note } = await stand(() => undefined);
    await note({ ...dispatched, upid: upidAt(1) });
    expect((await run("s#2")).outcome).toBe("done");
    expect(posts()).toBe(1);
  });

  test("a request without a task is sent again: it can be", async () => {
    const { run, posts } = await stand(({ method }, count) => (method === "PUT" && count === 1 ? { cut: true } : undefined));
    const put: ChangeRequest = { ...start, method: "PUT", path: "/nodes/pve1/lxc/118/config", types: [], part: "change" };
    expect((await run("s#1", put)).outcome).toBe("nothing");
    expect((await run("s#1", put)).outcome).toBe("nothing");
    expect(posts()).toBe(0);
  });
});
