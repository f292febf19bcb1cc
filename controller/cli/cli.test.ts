import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createApi } from "../http/api.ts";
import { listen } from "../http/listen.ts";
import { aChange, aPlan, type StandIn, standIn } from "../http/testing.ts";
import { error } from "../../schemas/problem.ts";
import { table } from "./table.ts";

const bin = fileURLToPath(new URL("./backend-ai.mjs", import.meta.url));
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const digest = "3f9c2a1b".repeat(8);
const script = ["/usr/bin/script", "/bin/script"].find((path) => existsSync(path));
let stand: StandIn, app: FastifyInstance, server: string, home: string;

beforeEach(async () => {
  stand = standIn();
  app = await createApi({
    controller: stand.controller,
    converse: stand.converse,
    log,
    config: { version: "0.1.0", requireAuth: true, hosts: [] },
  });
  server = `http://127.0.0.1:${await listen(app, { host: "127.0.0.1", port: 0 })}`;
  home = await mkdtemp(join(tmpdir(), "backend-ai-cli-"));
});
afterEach(async () => {
  await app.close();
  await rm(home, { recursive: true, force: true });
});

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the command line as a process of its own, with a token of a role and no terminal. */
function run(
  args: readonly string[],
  {
    role = "admin",
    env = {},
    stop,
  }: { role?: keyof StandIn["secrets"] | undefined; env?: Record<string, string>; stop?: (out: string) => boolean } = {},
): Promise<Outcome> {
  const { PATH = "" } = process.env;
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: home,
    env: { PATH, HOME: home, BACKEND_AI_SERVER: server, BACKEND_AI_TOKEN: stand.secrets[role], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "",
    err = "";
  child.stdout.on("data", (piece: Buffer) => {
    out += piece.toString();
    if (stop?.(out) === true) child.kill("SIGINT");
  });
  child.stderr.on("data", (piece: Buffer) => (err += piece.toString()));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, out, err })));
}

describe("reconcile", () => {
  test("--dry-run prints the plan to standard output and changes nothing", async () => {
    const { code, out, err } = await run(["reconcile", "--dry-run"]);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain("~ Service/nginx on web-01, web-02: update");
    expect(out.trimEnd().split("\n").at(-1)).toBe(
      "Plan: 0 to create, 2 to update, 0 to remove on 2 hosts; risk medium (restart, 2 hosts); needs approval.",
    );
    expect(stand.decisions).toEqual([]);
  });

  test("--yes approves, follows the run line by line, and exits 0", async () => {
    const { code, err } = await run(["reconcile", "--yes", "--reason", "tonight"]);
    expect(stand.decisions).toMatchObject([{ digest, decision: "approved", by: "admin-1", reason: "tonight" }]);
    expect(err).toMatch(/\[1\/2\] {2}web-01 {2}Service\/nginx service\.set done/);
    expect(err).toMatch(/Run run-1 succeeded in 0 ms: 2 changes \(2 done\)\./);
    expect(code).toBe(0);
  });

  test("without a terminal and without --yes it waits: exit 3, with the digest and the command that approves it", async () => {
    const { code, err } = await run(["reconcile"]);
    expect([code, stand.decisions]).toEqual([3, []]);
    expect(err).toContain(`Plan ${digest} waits for approval`);
    expect(err).toContain("backend-ai approve 3f9c2a1b3f9c");
  });

  test("who may not approve leaves the plan waiting: exit 3", async () => {
    const { code, err } = await run(["reconcile", "--yes"], { role: "operator" });
    expect([code, stand.decisions]).toEqual([3, []]);
    expect(err).toContain("it needs the role approver");
  });

  test("an approved plan whose window is closed waits: exit 3", async () => {
    stand.waiting = "the next maintenance window opens at 22:00";
    const { code, err } = await run(["reconcile", "--yes"]);
    expect([code, err.includes("opens at 22:00")]).toEqual([3, true]);
  });

  test("failed steps are exit 4, with what went wrong", async () => {
    stand.outcome = "failed";
    const { code, err } = await run(["reconcile", "--yes"]);
    expect(code).toBe(4);
    expect(err).toContain("Unable to start nginx.service: it exited with status 1");
  });

  test.each([
    ["changes to make", ["--dry-run"], false, 2],
    ["changes that were made", ["--yes"], false, 2],
    ["in sync", ["--dry-run"], true, 0],
    ["in sync, with --yes", ["--yes"], true, 0],
  ])("--detailed-exitcode tells %s", async (_, flags, empty, expected) => {
    if (empty) stand.plans = [aPlan([])];
    expect((await run(["reconcile", "--detailed-exitcode", ...flags])).code).toBe(expected);
  });

  test("a plan with errors is exit 1 and is not run", async () => {
    stand.plans = [
      aPlan([aChange("web-01")], { problems: [error("policy/limit", "It would remove 40 resources; Policy/base allows 10")] }),
    ];
    const { code, out } = await run(["reconcile", "--yes"]);
    expect([code, stand.decisions]).toEqual([1, []]);
    expect(out).toContain("Policy/base allows 10");
  });

  test("a plan kept with --out is carried out with --plan; a file that holds none is refused", async () => {
    expect((await run(["reconcile", "--out", "plan.json"])).code).toBe(0);
    expect((await stat(join(home, "plan.json"))).mode & 0o777).toBe(0o600);
    stand.plans = [aPlan([])];
    expect((await run(["reconcile", "--plan", "plan.json", "--yes"])).code).toBe(0);
    expect(stand.decisions).toMatchObject([{ digest, saved: true }]);
    await writeFile(join(home, "other.json"), "{}");
    expect(await run(["reconcile", "--plan", "other.json", "--yes"])).toMatchObject({
      code: 1,
      err: expect.stringContaining("Unable to read the plan other.json: it does not hold a plan"),
    });
  });

  test("--json is one document on standard output", async () => {
    expect(JSON.parse((await run(["reconcile", "--dry-run", "--json"])).out)).toMatchObject({ digest, risk: "medium" });
    expect(JSON.parse((await run(["reconcile", "--yes", "--json"])).out)).toMatchObject({
      plan: { digest },
      decision: { run: "run-1" },
      run: { state: "succeeded" },
    });
  });
});

describe("decisions and runs", () => {
  test("approve takes the beginning of a digest, and lists what waits without one", async () => {
    await stand.controller.plan({});
    expect((await run(["approve"])).out).toContain("3f9c2a1b3f9c  pending");
    expect(await run(["approve", "3f9c2a", "--reason", "ok"])).toMatchObject({ code: 0 });
    expect(stand.decisions).toMatchObject([{ digest, reason: "ok" }]);
    expect(await run(["approve", "abcdef"])).toMatchObject({ code: 1, err: expect.stringContaining("There is no plan abcdef") });
  });

  test("reject says no, once", async () => {
    await stand.controller.plan({});
    expect(await run(["reject", digest.slice(0, 12), "--reason", "not today"])).toMatchObject({ code: 0 });
    expect(stand.decisions).toMatchObject([{ decision: "rejected", reason: "not today" }]);
  });

  test("runs are listed, shown, and followed", async () => {
    await run(["reconcile", "--yes"]);
    expect((await run(["runs"])).out).toMatch(/run-1\s+succeeded/);
    expect((await run(["runs", "last"])).out).toContain("Run run-1 succeeded");
    expect((await run(["runs", "last", "--follow"])).code).toBe(0);
    expect(JSON.parse((await run(["runs", "run-1", "--json"])).out)).toMatchObject({ id: "run-1", state: "succeeded" });
  });

  test("undo shows edits and plan, commits, and carries out what was shown", async () => {
    expect((await run(["undo"])).code).toBe(64);
    await run(["reconcile", "--yes"]);
    stand.decisions.length = 0;
    const look = await run(["undo", "--dry-run"]);
    expect([look.code, stand.commits]).toEqual([0, []]);
    expect(look.out).toContain("-state: running\n+state: stopped");
    expect(look.err).toContain("a restart cannot be undone");
    expect((await run(["undo"])).code).toBe(3);
    expect((await run(["undo", "--yes"])).code).toBe(0);
    expect(stand.commits).toMatchObject([
      { edits: [{ path: "manifests/nginx.yaml" }], note: { message: "Undo run-1" }, by: { name: "admin-1" } },
    ]);
    expect(stand.decisions).toMatchObject([{ digest }]);
  });

  test("undo with --yes stops where it reaches further than the run did", async () => {
    await run(["reconcile", "--yes"]);
    stand.controller.undo = async () => ({
      edits: [{ path: "a.yaml", text: "x" }],
      plan: aPlan([aChange("web-01"), aChange("web-09"), aChange("web-07", { cause: "drift" })]),
      problems: [],
      left: [],
    });
    const { code, err } = await run(["undo", "--yes"]);
    expect([code, stand.commits]).toEqual([3, []]);
    expect(err).toContain("Reaches further than the run did: Service/nginx@web-09");
    expect(err).toContain("Left as it is, since it is no part of this: Service/nginx@web-07");
  });

  test("undo does not carry out another plan than the one that was shown", async () => {
    await run(["reconcile", "--yes"]);
    stand.decisions.length = 0;
    stand.plans = [aPlan([aChange("web-01", { act: "delete" })], { digest: "0".repeat(64) })];
    stand.controller.undo = async () => ({
      edits: [{ path: "a.yaml", text: "x" }],
      plan: aPlan([aChange("web-01")]),
      problems: [],
      left: [],
    });
    const { code, err } = await run(["undo", "--yes"]);
    expect([code, stand.decisions]).toEqual([3, []]);
    expect(err).toContain("it is not the plan that was shown before the commit");
  });

  test("ask shows, confirms and follows; a question is answered; --dry-run keeps nothing", async () => {
    expect(await run(["ask", "restart", "nginx", "--dry-run"])).toMatchObject({
      code: 0,
      out: expect.stringContaining("+restartedAt: now"),
    });
    expect(await run(["ask", "restart nginx"])).toMatchObject({ code: 3, err: expect.stringContaining(digest) });
    expect(await run(["ask", "restart nginx", "--yes"])).toMatchObject({ code: 0 });
    expect(stand.decisions).toMatchObject([{ digest, decision: "approved" }]);
    expect(await run(["ask", "where does nginx run?"])).toMatchObject({ code: 0, out: "nginx runs on web-01.\n" });
  });

  test("--yes does not hold for what was asked for after logs were read", async () => {
    stand.plans = [aPlan([aChange("web-01", { tainted: true })])];
    const { code, err } = await run(["ask", "restart nginx", "--yes"]);
    expect([code, stand.decisions]).toEqual([3, []]);
    expect(err).toContain("--yes does not hold for it");
  });

  test("import prints manifests, or commits them", async () => {
    expect((await run(["import", "web-01"])).code).toBe(64);
    expect((await run(["import", "web-01", "--service", "nginx", "--print"])).out).toBe("# manifests/imported.yaml\nkind: Service\n");
    expect((await run(["import", "web-01", "--service", "nginx"])).code).toBe(3);
    expect(stand.commits).toEqual([]);
    expect((await run(["import", "web-01", "--service", "nginx", "--yes"])).code).toBe(0);
    expect(stand.commits).toMatchObject([{ edits: [{ path: "manifests/imported.yaml", text: "kind: Service\n" }] }]);
  });
});

describe("listings", () => {
  test.each([
    [["status"], "in sync"],
    [["get"], "Service/nginx"],
    [["get", "services"], "Service/nginx"],
    [["get", "Service/nginx"], "manifests/nginx.yaml:1"],
    [["describe", "Service/nginx"], "apiVersion: backend-ai/v1"],
    [["describe", "service/nginx@web-01"], "active: active"],
    [["describe", "web-01"], "agent-web-01"],
    [["drift"], "by eve: systemctl stop nginx"],
    [["agents"], "offline"],
    [["agent", "status", "web-01"], "online"],
    [["top"], "12 %"],
    [["audit"], "plan.approve"],
    [["audit", "verify"], "is whole"],
    [["token", "list"], "No tokens."],
    [["approve"], "No plan waits."],
    [["runs"], "No runs yet."],
    [["events"], "No events yet."],
    [["context"], "No contexts."],
  ])("%j says so, and as JSON too", async (args, text) => {
    const [{ code, out, err }, data] = await Promise.all([run(args), run([...args, "--json"])]);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain(text);
    expect(out).not.toContain("\u001b");
    expect(JSON.parse(data.out)).toBeTypeOf("object");
  });

  test("logs come from hosts without what could steer the terminal; a silent host is said, exit 1", async () => {
    const { code, out, err } = await run(["logs", "tag=webserver", "--unit", "nginx.service", "--since", "1h"]);
    expect([code, out]).toEqual([
      1,
      "2026-11-20 10:00:00  web-01  nginx.service  bind() to 0.0.0.0:80 failed \ufffd[31m(98: Address already in use)\n",
    ]);
    expect(err).toContain("Unable to ask web-02: its agent is not connected");
    expect((await run(["logs", "web-01"])).code).toBe(0);
    expect((await run(["ping"])).out).toMatch(/web-01 +yes +\d+\nweb-02 +no/);
  });

  test("events are followed until Ctrl-C, one JSON object a line", async () => {
    stand.tell({ type: "plan.waits", text: "first" });
    const later = setInterval(() => stand.tell({ type: "drift", text: "later" }), 50);
    const { code, out } = await run(["events", "--follow", "--json"], { stop: (so) => so.includes("later") });
    clearInterval(later);
    expect(code).toBe(0);
    expect(
      out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).n)
        .slice(0, 2),
    ).toEqual([1, 2]);
  });

  test("colour only where it is asked for", async () => {
    expect((await run(["status"], { env: { FORCE_COLOR: "1" } })).out).toContain("\u001b[2m");
    expect((await run(["status"], { env: { FORCE_COLOR: "1", NO_COLOR: "1" } })).out).not.toContain("\u001b");
  });
});

describe("letting in", () => {
  test("enrol prints the command alone on standard output", async () => {
    const { code, out, err } = await run(["enrol", "--tag", "web", "--tag", "eu", "--label", "team=a", "--uses", "2"]);
    expect([code, out]).toEqual([0, "curl … | sudo sh\n"]);
    expect(err).toContain("for 2 hosts, and is a secret until then");
    expect((await run(["enrol", "--host", "a", "--uses", "2"])).code).toBe(64);
    expect((await run(["enrol"], { role: "approver" })).code).toBe(1);
  });

  test("a token is made, its secret printed once, and revoked", async () => {
    expect((await run(["token", "create", "ci", "--role", "operator"])).out).toBe("bai_new_secret\n");
    expect(await run(["token", "create", "ci", "--role", "operatr"])).toMatchObject({
      code: 64,
      err: expect.stringContaining("Did you mean operator?"),
    });
    expect((await run(["token", "revoke", "t1"])).code).toBe(0);
    expect(stand.revokedTokens).toEqual(new Set(["t1"]));
  });

  test("an agent is revoked only when somebody said so", async () => {
    expect((await run(["agent", "revoke", "web-01"])).code).toBe(3);
    expect((await run(["agent", "revoke", "web-01", "--yes"])).code).toBe(0);
    expect(stand.revokedAgents).toEqual(["web-01"]);
  });

  test("an agent that is not there is told at once, before anybody is asked", async () => {
    const { code, err } = await run(["agent", "revoke", "nope"]);
    expect([code, stand.revokedAgents]).toEqual([1, []]);
    expect(err).toContain("nope");
    expect(err).not.toContain("--yes");
  });

  test("what is not committed is named by status and before a plan, which is without it", async () => {
    stand.uncommitted = ["manifests/a.yaml", "manifests/b.yaml"];
    const said = "2 files are not committed and not in force: manifests/a.yaml, manifests/b.yaml";
    expect((await run(["status"])).out).toContain(`Uncommitted  ${said}\n`);
    const plan = await run(["reconcile", "--dry-run"]);
    expect([plan.err.trim(), plan.out.includes("not committed")]).toEqual([said, false]);
    stand.uncommitted = Array.from({ length: 7 }, (_, n) => `manifests/${n}.yaml`);
    expect((await run(["status"])).out).toContain(
      "7 files are not committed and not in force: manifests/0.yaml, manifests/1.yaml, manifests/2.yaml, manifests/3.yaml, manifests/4.yaml and 2 more",
    );
  });

  test.skipIf(script === undefined)(
    "a terminal that says it has no columns gets its questions in whole lines (needs `script` of util-linux)",
    async () => {
      const child = spawn(script ?? "", ["-qec", `stty size; '${process.execPath}' '${bin}' reconcile`, "/dev/null"], {
        cwd: home,
        env: {
          PATH: process.env["PATH"] ?? "",
          HOME: home,
          TERM: "xterm",
          BACKEND_AI_SERVER: server,
          BACKEND_AI_TOKEN: stand.secrets.admin,
        },
        stdio: ["pipe", "pipe", "inherit"],
      });
      let out = "",
        asked = false;
      child.stdout.on("data", (piece: Buffer) => {
        out += piece.toString();
        if (asked || !out.includes("Carry out these 2 changes?")) return;
        asked = true;
        child.stdin.write("n");
      });
      await new Promise((resolve) => child.on("close", resolve));
      expect(out).toMatch(/^0 0\r\n/);
      expect([asked, stand.decisions]).toEqual([true, []]);
      expect(out).toContain("Nothing was changed. To come back to it: backend-ai approve 3f9c2a1b3f9c");
    },
  );
});

describe("the controller and how to find it", () => {
  test("a context holds address and token file, for its owner alone; the token goes to no other address", async () => {
    await writeFile(join(home, "token"), `${stand.secrets.viewer}\n`);
    expect((await run(["context", "add", "here", "--server", server, "--token-file", "token"])).code).toBe(0);
    expect((await stat(join(home, ".config/backend-ai/contexts.json"))).mode & 0o777).toBe(0o600);
    const bare = { env: { BACKEND_AI_SERVER: "", BACKEND_AI_TOKEN: "" } };
    expect((await run(["status"], bare)).code).toBe(0);
    const other = server.replace("127.0.0.1", "localhost");
    expect(await run(["status", "--server", other], bare)).toMatchObject({
      code: 1,
      err: expect.stringContaining("Unable to answer without a token"),
    });
    expect(await run(["status", "--context", "hree"], bare)).toMatchObject({
      code: 64,
      err: expect.stringContaining("Did you mean here?"),
    });
    await rm(join(home, "token"));
    expect(await run(["status"], bare)).toMatchObject({ code: 1, err: expect.stringContaining("there is no such file") });
  });

  test.each([
    ["nothing listens", "http://127.0.0.1:1", "Start it with `backend-ai controller`"],
    ["no such host", "http://no-such-host.invalid", "there is no machine of this name"],
    ["no address", "http://", "is not the address of a controller"],
  ])("%s: says so, in a line or two", async (_, address, text) => {
    const { code, out, err } = await run(["status"], { env: { BACKEND_AI_SERVER: address } });
    expect(out).toBe("");
    expect(err).toContain(text);
    expect(err).not.toMatch(/\n\s+at /);
    expect(code).not.toBe(0);
  });

  test("a token that goes unencrypted to another machine, or that others may read, is warned about", async () => {
    const away = await run(["status"], { env: { BACKEND_AI_SERVER: "http://no-such-host.invalid" } });
    expect(away.err).toContain("warning: The token is sent to http://no-such-host.invalid unencrypted");
    expect((await run(["status"])).err).toBe("");
    const file = join(home, "token"),
      bare = { env: { BACKEND_AI_TOKEN: "", BACKEND_AI_SERVER: "" } };
    await writeFile(file, `${stand.secrets.viewer}\n`, { mode: 0o644 });
    await run(["context", "add", "here", "--server", server, "--token-file", "token"], bare);
    expect(await run(["status"], bare)).toMatchObject({
      code: 0,
      err: expect.stringContaining(`Others than its owner may read the token in ${file}`),
    });
    await chmod(file, 0o600);
    expect(await run(["status"], bare)).toMatchObject({ code: 0, err: "" });
  });

  test("a wrong token, and a role that does not reach", async () => {
    expect(await run(["status"], { env: { BACKEND_AI_TOKEN: "guess" } })).toMatchObject({
      code: 1,
      err: expect.stringContaining("the token is unknown, expired or revoked"),
    });
    expect(await run(["reconcile", "--dry-run"], { role: "viewer" })).toMatchObject({
      code: 1,
      err: expect.stringContaining("it needs the role operator, and viewer-1 is viewer"),
    });
  });
});

describe("usage", () => {
  test.each([
    [["statsu"], "Did you mean status?"],
    [["status", "--jsn"], "Did you mean --json?"],
    [["audit", "verfy"], "Did you mean verify?"],
    [["get", "servce"], "Did you mean Service?"],
    [["describe"], "missing required argument 'id'"],
    [["enrol", "--expires", "soon"], "--expires takes a duration"],
    [["events", "--last", "x"], "--last takes a number"],
    [["status", "extra"], "too many arguments"],
    [["completion", "bsh"], "Did you mean bash?"],
    [["validate", "nowhere"], "there is no such file or folder"],
  ])("%j is exit 64 and says %s", async (args, text) => {
    const { code, out, err } = await run(args);
    expect([code, out]).toEqual([64, ""]);
    expect(err).toContain(text);
  });

  test("a command that has sub-commands takes its own argument", async () => {
    const { code, err } = await run(["controller", "nowhere"]);
    expect([code, err.includes("unknown command")]).toEqual([1, false]);
    expect(err).toContain("nowhere");
  });

  test("the options of a parent command are not told as those of its sub-command", async () => {
    const { out } = await run(["audit", "verify", "--help"]);
    expect([out.match(/--json/g)?.length, out.includes("--last"), out.includes("--server <URL>")]).toEqual([1, false, true]);
  });

  test("help has an example, and no command at all prints the help", async () => {
    const [bare, help] = await Promise.all([run([]), run(["token", "create", "--help"])]);
    expect([bare.code, help.code]).toEqual([64, 0]);
    for (const { name } of table) expect(bare.err).toMatch(new RegExp(`^  ${name}\\b`, "m"));
    expect(help.out).toContain("Example:\n  backend-ai token create ci --role operator --expires 90d");
    expect(help.out).toContain("--server <URL>");
  });

  test("completions are scripts that their shell takes, with commands and options in them", async () => {
    const { out } = await run(["completion", "bash"]);
    const check = `${out}\nCOMP_WORDS=(backend-ai token create --r); COMP_CWORD=3; _backend_ai; echo "\${COMPREPLY[*]}"; COMP_WORDS=(backend-ai rec); COMP_CWORD=1; _backend_ai; echo "\${COMPREPLY[*]}"`;
    const { promise, resolve } = Promise.withResolvers<string>();
    execFile("bash", ["-c", check], (_, stdout) => resolve(stdout));
    expect(await promise).toBe("--role\nreconcile\n");
  });
});

describe("validate", () => {
  const manifest = (spec: string): string =>
    `apiVersion: backend-ai/v1\nkind: Service\nmetadata:\n  name: nginx\nspec:\n  on: tag=webserver\n${spec}\n`;
  beforeEach(async () => {
    await mkdir(join(home, "manifests"));
    await writeFile(join(home, "backend-ai.yaml"), "git: { branch: main }\n");
    await writeFile(join(home, "manifests/good.yaml"), manifest("  state: running"));
  });

  test("is silent on standard output where all is well, and needs no controller", async () => {
    expect(await run(["validate"], { env: { BACKEND_AI_SERVER: "http://127.0.0.1:1" } })).toMatchObject({
      code: 0,
      out: "",
      err: "1 resource: 0 errors, 0 warnings.\n",
    });
  });

  test("prints file, line and column with the line, a caret and what was meant: exit 1", async () => {
    await writeFile(join(home, "manifests/bad.yaml"), manifest("  stat: running").replace("name: nginx", "name: web"));
    const { code, out } = await run(["validate"]);
    expect(code).toBe(1);
    expect(out).toMatch(/^manifests\/bad\.yaml:7:3.* error: /);
    expect(out).toContain("    7 |   stat: running\n          ^\n");
    expect(out).toMatch(/state/);
    expect(JSON.parse((await run(["validate", "--json"])).out)).toMatchObject([
      { severity: "error", where: { file: "manifests/bad.yaml", line: 7, column: 3 } },
    ]);
    expect((await run(["validate", "manifests/good.yaml"])).code).toBe(0);
  });

  test("where no workspace is, it says so and what to do: exit 1", async () => {
    const away = join(home, "away");
    await mkdir(away);
    await rm(join(home, "backend-ai.yaml"));
    const { code, out, err } = await run(["validate", "away"]);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain(
      `Unable to validate ${away}: it is no workspace, nor in one: there is no backend-ai.yaml and no folder manifests/`,
    );
    expect(err).toContain("backend-ai init DIR");
    expect((await run(["validate"])).code).toBe(0);
  });
});

test("on an older node the command line runs on the node that the package brings", async () => {
  // The shim is what an older node would run: its version is asked for by the script itself.
  const script = `Object.defineProperty(process.versions, "node", { value: "20.0.0" }); process.argv.splice(1, 0, ${JSON.stringify(bin)}); await import(${JSON.stringify(bin)});`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, "--", "--version"], {
    env: { PATH: process.env["PATH"] ?? "", HOME: home },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.on("data", (piece: Buffer) => (out += piece.toString()));
  const code = await new Promise((resolve) => child.on("close", resolve));
  expect([code, out]).toEqual([
    0,
    `${(JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8")) as { version: string }).version}\n`,
  ]);
});
