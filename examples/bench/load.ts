import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { kinds } from "../../controller/kinds/index.ts";
import { createFleet } from "../../controller/loop/fleet.ts";
import { createForce } from "../../controller/loop/force.ts";
import { gitWorkspace } from "../../controller/loop/git-workspace.ts";
import { createWorld } from "../../controller/loop/world.ts";
import { ageIdentity } from "../../controller/repo/identity.ts";
import { openRepository } from "../../controller/repo/open.ts";
import { openStore } from "../../controller/store/open.ts";
import { median, type Report, timedOnce } from "./figure.ts";

const git = promisify(execFile);
const perFile = 100;

/** A file of resources: each a file on one of a thousand hosts. */
const manifest = (file: number, of: number, word: string): string =>
  Array.from({ length: perFile }, (_, at) => {
    const name = `f${file}-r${at}`;
    return `apiVersion: backend-ai/v1
kind: File
metadata:
  name: ${name}
  labels: { team: bench }
spec:
  on: name=host-${(file * perFile + at) % of}
  path: /etc/bench/${name}.conf
  content: |
    # ${word}
    setting = ${at}
  mode: "0644"
`;
  }).join("---\n");

async function makeRepository(folder: string, files: number, hosts: number): Promise<void> {
  await mkdir(join(folder, "manifests"), { recursive: true });
  await writeFile(join(folder, "backend-ai.yaml"), "git:\n  branch: main\n");
  for (let file = 0; file < files; file++) await writeFile(join(folder, `manifests/${file}.yaml`), manifest(file, hosts, "first"));
  await git("git", ["init", "--quiet", "--template=", "--initial-branch=main", folder]);
  await commit(folder, "first");
}

async function commit(folder: string, message: string): Promise<void> {
  const as = ["-C", folder, "-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgSign=false"];
  await git("git", [...as, "add", "--all"]);
  await git("git", [...as, "commit", "--quiet", "-m", message]);
}

/** The longest time for which the event loop was held up while something ran, beyond the resolution of the measurement. */
async function blocking<T>(act: () => Promise<T>): Promise<readonly [ms: number, longestMs: number, result: T]> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await pause(20);
  delay.reset();
  const [ms, result] = await timedOnce(act);
  await pause(5);
  delay.disable();
  return [ms, delay.max / 1e6, result];
}

/** A workspace of 100 000 resources: reading it, and reading it again when one file changed; then putting it in force on 1 000 hosts. */
export async function run(report: Report, scale: number): Promise<void> {
  const files = Math.max(10, Math.round(1000 * scale)),
    hosts = files,
    count = `${(files * perFile).toLocaleString("en").replace(",", " ")} resources`;
  const folder = await mkdtemp(join(tmpdir(), "backend-ai-bench-"));
  try {
    const dir = join(folder, "workspace");
    await makeRepository(dir, files, hosts);
    const { repository } = await openRepository(dir, { branch: "main" });
    const { identity } = await ageIdentity(join(folder, "age.key"));
    const workspace = gitWorkspace({ repository, kinds, identity, sealKey: new Uint8Array(32), tell: () => undefined, now: Date.now });
    const store = openStore(join(folder, "controller.db"));
    const world = createWorld(kinds, Date.now),
      fleet = createFleet();
    for (let at = 0; at < hosts; at++)
      fleet.setAgent({
        agent: `a${at}`,
        host: `host-${at}`,
        state: "online",
        version: "0.1.0",
        verbs: [],
        clockOffset: 0,
        tags: [],
        labels: {},
      });
    const force = createForce({
      world,
      fleet,
      store,
      workspace,
      agents: { setWatch: () => undefined },
      tell: () => undefined,
      log: console as never,
      now: Date.now,
      onSettled: () => undefined,
      onInForce: () => undefined,
    });

    const [firstMs, firstBlocked, first] = await blocking(() => workspace.head().then((head) => workspace.load(head)));
    if (!first.ok) throw new Error(first.problems[0]?.summary);
    report(`first load of ${count} in ${files} files`, firstMs, "ms");
    report(`first load of ${count}, event loop held up`, firstBlocked, "ms", { target: 50 });
    const [, enterBlocked] = await blocking(() => force.begin());
    report(`${count} put in force on ${hosts} hosts, event loop held up`, enterBlocked, "ms", { target: 50 });
    const loads: number[] = [],
      inForce: number[] = [];
    let blockedLoad = 0,
      blockedForce = 0;
    for (let round = 0; round < 5; round++) {
      const path = join(dir, `manifests/${round}.yaml`);
      await writeFile(path, (await readFile(path, "utf8")).replaceAll("# first", `# round ${round}`));
      await commit(dir, `round ${round}`);
      const head = await workspace.head();
      const [ms, longest, loaded] = await blocking(() => workspace.load(head));
      if (!loaded.ok || loaded.loaded.resources.length !== files * perFile) throw new Error("the load is not what was written");
      const [whole, longestWhole] = await blocking(() => force.take(head));
      loads.push(ms);
      inForce.push(whole);
      blockedLoad = Math.max(blockedLoad, longest);
      blockedForce = Math.max(blockedForce, longestWhole);
    }
    report(`load of ${count}, one file changed`, median(loads), "ms", { target: 100, note: "from the commit to checked resources" });
    report(`load of ${count}, one file changed, event loop held up`, blockedLoad, "ms", { target: 50 });
    report(`${count} in force, one file changed`, median(inForce), "ms", {
      note: "from the commit to compared instances",
    });
    report(`${count} in force, one file changed, event loop held up`, blockedForce, "ms", { target: 50 });
    await workspace.close();
    await store.close();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
