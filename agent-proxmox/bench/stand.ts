import { execFile } from "node:child_process";
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { type Agent, runAgent } from "../../agent/runtime/agent.ts";
import { hostClock as clock } from "../../agent/runtime/clock.ts";
import { fileMemory } from "../../agent/runtime/file-memory.ts";
import { challengeSigner, newKey } from "../../agent/runtime/identity.ts";
import { linkedPair } from "../../agent/runtime/linked-pair.ts";
import { silent } from "../../agent/runtime/log.ts";
import { fileSpool } from "../../agent/runtime/spool.ts";
import { readConfig } from "../../controller/config.ts";
import { startController } from "../../controller/main.ts";
import { createPretendCluster, type PretendClusterOptions } from "../../examples/sandbox/cluster/pretend-cluster.ts";
import type { Plan } from "../../schemas/plan.ts";
import { ProblemError } from "../../schemas/problem.ts";
import { openJournal } from "../cluster/journal.ts";
import { pveClient } from "../pve/client.ts";
import type { Credentials } from "../pve/login.ts";
import { proxmoxVerbs } from "../verbs-proxmox.ts";

/** How the stand is wanted. */
export interface StandOptions extends PretendClusterOptions {
  readonly as?: "full" | "audit" | "limited" | "root";
  readonly tags?: readonly string[];
  /** Milliseconds between looks at the cluster; 100 where not given. */
  readonly everyMs?: number;
}

const run = promisify(execFile);
const git = async (folder: string, ...args: string[]): Promise<string> =>
  (await run("git", ["-c", "user.name=Ann", "-c", "user.email=ann@example.org", ...args], { cwd: folder })).stdout.trim();

/** Writes files and commits them; answers the commit. */
const committing =
  (folder: string) =>
  async (files: Readonly<Record<string, string>>): Promise<string> => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    await git(folder, "add", "--all");
    await git(folder, "commit", "--quiet", "--allow-empty", "--message=change");
    return git(folder, "rev-parse", "HEAD");
  };

/** Waits until something holds; rejects after `ms` with what there is instead. */
export async function until<T>(holds: () => T | Promise<T>, what: () => unknown = () => "", ms = 10_000): Promise<NonNullable<T>> {
  for (const end = performance.now() + ms; ; await new Promise((done) => setTimeout(done, 5))) {
    const found = await holds();
    if (found !== undefined && found !== false && found !== null) return found as NonNullable<T>;
    if (performance.now() > end) throw new Error(`it never came about: ${holds.toString()}; ${JSON.stringify(what())}`);
  }
}

/** The name of the cluster's agent as a host. */
export const clusterName = "lab";

/** A whole controller, a pretend cluster over TLS and the real Proxmox agent between them; the agent can be cut off in the middle of anything and started again. */
export async function stand({ as = "full", tags = ["cluster"], ...options }: StandOptions = {}) {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "backend-ai-cluster-"))),
    workspace = join(folder, "workspace"),
    commit = committing(workspace);
  await mkdir(workspace);
  await git(workspace, "init", "--quiet", "--initial-branch=main");
  await commit({ "manifests/none.yaml": "" });
  const environment = {
    PORT: "0",
    WS_PORT: "0",
    WS_HOST: "127.0.0.1",
    LOG_LEVEL: "silent",
    BACKEND_AI_DATA: join(folder, "data"),
  };
  const cluster = await createPretendCluster({ speed: 50, ...options }),
    running = await startController(await readConfig(environment, { workspace })),
    { controller, hub } = running;

  const { privateKey, publicKey } = newKey(),
    machineId = "cluster-agent-machine";
  const { token } = await hub.createToken({
    ttlMs: 600_000,
    maxUses: 1,
    by: "test",
    preset: { host: clusterName, tags: [...tags], labels: {} },
  });
  const enrolled = await hub.enrol({ token, publicKey, hostname: clusterName, machineId, version: "1.0.0" });
  if ("code" in enrolled) throw new ProblemError(enrolled);
  const identity = { ...enrolled, privateKey, machineId };

  let life: { agent: Agent; close(): Promise<void>; sent(): number } | undefined;
  /** Starts the agent with what is on disk. */
  const start = async (): Promise<void> => {
    const client = pveClient({
        endpoints: cluster.endpoints,
        credentials: cluster.credentials[as] as Credentials,
        backOffMs: [20, 100, 300],
      }),
      journal = await openJournal(join(folder, "cluster.json"), () => clock.now());
    const verbs = proxmoxVerbs({ client, journal, clock, log: silent, name: clusterName, everyMs: options.everyMs ?? 100 });
    const agent = await runAgent({
      controllers: ["https://test"],
      allowance: { verbs: ["*"], allowPaths: [], denyPaths: [], ownPaths: [] },
      identity,
      sign: challengeSigner(identity),
      version: "1.0.0",
      verbs,
      memory: await fileMemory(join(folder, "memory.json"), clock, silent),
      spool: await fileSpool(join(folder, "spool.jsonl"), silent),
      dial: () => {
        const [mine, theirs] = linkedPair();
        hub.accept(theirs, identity.agent);
        return Promise.resolve(mine);
      },
      clock,
      log: silent,
      resolve: (path) => Promise.resolve(path),
      machine: { machineId, bootId: "boot", platform: { os: "linux", arch: "x64", init: "other", libc: "" } },
      atOnce: 16,
    });
    life = {
      agent,
      sent: () => client.sent,
      async close() {
        await verbs.close();
        client.close();
      },
    };
  };
  await start();

  const settled = (): boolean => {
    const { instances, running: runs } = controller.status();
    return runs.length === 0 && instances.differs + instances.unknown + instances.drifted + instances.blocked === 0;
  };
  return {
    cluster,
    running,
    controller,
    /** Commits manifests as a person does, and waits until they are in force. */
    async commit(files: Readonly<Record<string, string>>): Promise<void> {
      const head = await commit(files);
      await until(
        () => controller.status().commit === head,
        () => controller.status(),
      );
    },
    /** The plan once everything is known, and nothing is between two states. */
    plan: (): Promise<Plan> =>
      until(
        async () => {
          const plan = await controller.plan({});
          return plan.unknown.length === 0 && controller.status().running.length === 0 ? plan : undefined;
        },
        () => controller.status(),
      ),
    /** Approves what there is to approve until nothing is left to do. */
    async converge(timeoutMs = 20_000): Promise<void> {
      const end = Date.now() + timeoutMs;
      while (!settled()) {
        if (Date.now() > end)
          throw new Error(
            `not in sync: ${JSON.stringify({ status: controller.status(), plan: await controller.plan({}), tasks: [...cluster.state.tasks.all.keys()].slice(-4), last: (await controller.runs({ limit: 1 } as never)).items[0] }, null, 1)}`,
          );
        const plan = await controller.plan({});
        if (plan.changes.length > 0 && controller.status().running.length === 0)
          await controller.approve(plan.digest, { name: "test", role: "admin" }).catch(() => undefined);
        await new Promise((done) => setTimeout(done, 50));
      }
    },
    settled,
    sent: () => life?.sent() ?? 0,
    /** Ends the agent as a kill does: what runs is not waited for. */
    async crash(): Promise<void> {
      const ending = life;
      life = undefined;
      await ending?.close();
      await ending?.agent.stop(0);
    },
    start,
    async close(): Promise<void> {
      await life?.agent.stop(0);
      await life?.close();
      await running.stop();
      await cluster.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
