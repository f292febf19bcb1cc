import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { runFleet } from "../../examples/sandbox/agents.ts";
import { pretendFleet } from "../../examples/sandbox/fleet.ts";
import type { PretendHost } from "../../examples/sandbox/pretend-host.ts";
import type { StatusView } from "../../schemas/api.ts";
import { type Problem, printProblem } from "../../schemas/problem.ts";
import { readConfig } from "../config.ts";
import type { Fixture } from "../hub/hub.fixture.ts";
import { type Keys, loadKeys } from "../hub/keys.ts";
import { file, policy, service, until } from "../loop/testing.ts";
import { dataFiles, type Running, startController } from "../main.ts";
import { type Bench, bench } from "../repo/testing.ts";

/** Environment of a controller that takes whatever ports are free and says nothing. */
export const environment = { PORT: "0", WS_PORT: "0", WS_HOST: "127.0.0.1", LOG_LEVEL: "silent" };

/** An answer of the API. */
export interface Answer {
  readonly status: number;
  readonly problems: string[];
  readonly json: Record<string, unknown>;
}

/** A whole controller at work (API, agents' port, store on disk, workspace in git) with one pretend host that is as its manifests say, and what shows that it stands. */
export interface Standing {
  readonly running: Running;
  readonly repo: Bench;
  readonly host: PretendHost;
  readonly data: string;
  /** The commit that is in force, acknowledged over the API. */
  readonly good: string;
  /** The agents' port, as the hub's own tests use it. */
  readonly agents: Pick<Fixture, "url" | "hub" | "carrier"> & { readonly keys: Keys } & Fixture;
  api(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  status(): Promise<StatusView>;
  /** Commits files as a person does, and waits until the controller has read them; answers with the errors that it tells, printed. */
  commit(files: Readonly<Record<string, string | Buffer>>): Promise<string[]>;
  /** The good commit again, in the folder and in force. */
  back(): Promise<void>;
  /** Takes what the host is now for what it has to stay. */
  settle(): void;
  /** Asserts that the controller answers, that nothing that was acknowledged is lost, that the good commit is in force, and that the host is as it was. */
  stands(what: string, inForce?: "the good commit" | "another one"): Promise<void>;
  close(): Promise<void>;
}

/** One bad thing: what feeds it, and word by word what is said about it. */
export interface BadThing {
  /** Feeds it, and answers with what was said. */
  feed(to: Standing): Promise<unknown>;
  readonly says: unknown;
  /** A commit that has no fault in itself takes effect: what it would do is held back. */
  readonly takesEffect?: true;
  /** Why it cannot be fed on this machine. */
  readonly skipped?: string | false;
}

const base = {
  "manifests/page.yaml": file("page", "/srv/page", 'content: "good"'),
  "manifests/nginx.yaml": service("nginx", "state: running\nenabled: true"),
  "manifests/policy.yaml": policy("few", "limits: { maxDeletions: 1, within: 1h }"),
};

/** Everything that an agent could have changed, as one text. */
function stateOf(host: PretendHost): string {
  const of = (map: ReadonlyMap<string, unknown>): string => JSON.stringify([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
  return [of(host.units), of(host.files), of(host.packages), String(host.boots)]
    .map((text) => createHash("sha256").update(text).digest("hex"))
    .join(" ");
}

/** Starts it all on folders of its own. `data`: a folder for the controller's data in place of a new one. */
export async function standing(data?: string): Promise<Standing> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "backend-ai-bad-"))),
    repo = bench(join(folder, "workspace")),
    own = data ?? join(folder, "data");
  await mkdir(repo.dir);
  await repo.git("init", "--quiet", "--initial-branch=main");
  await repo.commit({ "manifests/none.yaml": "" });
  const running = await startController(await readConfig({ ...environment, BACKEND_AI_DATA: own }, { workspace: repo.dir })),
    { hosts } = pretendFleet({ hosts: 10, seed: 7, metricsEveryMs: 0 }),
    member = hosts.find(({ host }) => host.name === "web-01")!,
    agent = await runFleet([{ ...member, tags: ["web"], labels: {} }], running.hub),
    token = (await readFile(running.tokenFile, "utf8")).trim(),
    keys = await loadKeys(join(own, dataFiles.keys));
  let good = "",
    before = "",
    entries = 0;
  const api: Standing["api"] = async (method, path, body, headers = {}) => {
    const answer = await fetch(`${running.apiUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await answer.text(),
      json = (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>;
    return { status: answer.status, json, problems: ((json["problems"] ?? []) as Problem[]).map(printProblem) };
  };
  const status = async (): Promise<StatusView> => (await api("GET", "/api/v1/status")).json as unknown as StatusView;
  const errorsOf = ({ problems }: StatusView): string[] => problems.filter((one) => one.severity === "error").map(printProblem);
  const settled = (): Promise<boolean> =>
    until(
      () => {
        const { instances, running: runs } = running.controller.status();
        return (
          runs.length === 0 && instances.inSync === 2 && instances.differs + instances.unknown + instances.drifted + instances.blocked === 0
        );
      },
      () => running.controller.status(),
    );

  await until(() => running.controller.status().hosts.online === 1);
  const edits = Object.entries(base).map(([path, text]) => ({ path, text }));
  const made = await api("POST", "/api/v1/commits", { edits, message: "what is good" });
  good = String(made.json["commit"]);
  await until(() => running.controller.status().commit === good && running.controller.status().instances.unknown === 0);
  const plan = await api("POST", "/api/v1/plans", {});
  if (((plan.json["changes"] ?? []) as unknown[]).length > 0) await api("POST", `/api/v1/plans/${String(plan.json["digest"])}/approve`, {});
  await settled();
  before = stateOf(member.host);

  return {
    running,
    repo,
    host: member.host,
    data: own,
    get good() {
      return good;
    },
    agents: {
      url: `https://127.0.0.1:${running.agentsPort}`,
      hub: running.hub,
      keys,
      carrier: "websocket",
    } as unknown as Standing["agents"],
    api,
    status,
    async commit(files) {
      const head = await repo.commit(files);
      await until(() => running.controller.status().head === head);
      return errorsOf(await status());
    },
    async back() {
      await repo.git("switch", "--quiet", "--force", "main");
      await repo.git("reset", "--quiet", "--hard", good);
      await repo.git("clean", "--quiet", "--force", "-d");
      await until(() => running.controller.status().head === good && running.controller.status().commit === good);
      await settled();
    },
    settle: () => void (before = stateOf(member.host)),
    async stands(what, inForce = "the good commit") {
      const ready = await fetch(`${running.apiUrl}/readyz`),
        now = await status(),
        audit = (await api("GET", "/api/v1/audit/verify")).json as { ok?: boolean; entries?: number };
      expect([what, ready.status, now.commit === good]).toEqual([what, 200, inForce === "the good commit"]);
      expect([what, stateOf(member.host) === before]).toEqual([what, true]);
      expect([what, audit.ok, Number(audit.entries) >= entries]).toEqual([what, true, true]);
      entries = Number(audit.entries);
      // What was acknowledged is in git for good, whatever came on top of it.
      await repo.git("cat-file", "-e", `${good}^{commit}`);
      expect([what, await repo.git("show", `${good}:manifests/page.yaml`)]).toEqual([what, base["manifests/page.yaml"].trimEnd()]);
    },
    async close() {
      await agent.stop();
      await running.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
