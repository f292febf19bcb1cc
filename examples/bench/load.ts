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

const hostResource = `apiVersion: backend-ai/v1
kind: Host
metadata: { name: host-1 }
spec:
  tags: [tagged]
`;

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

interface Stretch {
  readonly ms: number;
  /** The longest time for which the event loop was held up while something ran, in milliseconds by the clock and of processor time on this thread. */
  readonly longestMs: number;
  readonly longestCpuMs: number;
}

const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

async function blocking<T>(act: () => Promise<T>): Promise<readonly [T, Stretch]> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let last = cpuMs(),
    longestCpuMs = 0;
  const ticks = setInterval(() => {
    const now = cpuMs();
    longestCpuMs = Math.max(longestCpuMs, now - last);
    last = now;
  }, 1);
  delay.enable();
  await pause(20);
  delay.reset();
  longestCpuMs = 0;
  const [ms, result] = await timedOnce(act);
  await pause(5);
  delay.disable();
  clearInterval(ticks);
  return [result, { ms, longestMs: delay.max / 1e6, longestCpuMs }];
}

/** The worst of several. */
const worst = (stretches: readonly Stretch[], of: "longestMs" | "longestCpuMs"): number =>
  Math.max(...stretches.map((stretch) => stretch[of]));

/** A workspace of 100 000 resources: reading it, and reading it again when one file changed; then putting it in force on 1 000 hosts, and single changes of it. */
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
      taint: { enter: () => undefined },
      agents: { setWatch: () => undefined },
      tell: () => undefined,
      log: console as never,
      now: Date.now,
      onSettled: () => undefined,
      onInForce: () => undefined,
    });

    const heldUp = (name: string, stretches: readonly Stretch[]): void =>
      report(`${name}, event loop held up`, worst(stretches, "longestMs"), "ms", {
        target: 50,
        note: `${worst(stretches, "longestCpuMs").toFixed(1)} ms of processor time at a stretch`,
      });
    const [first, firstLoad] = await blocking(() => workspace.head().then((head) => workspace.load(head)));
    if (!first.ok) throw new Error(first.problems[0]?.summary);
    report(`first load of ${count} in ${files} files`, firstLoad.ms, "ms");
    heldUp(`first load of ${count}`, [firstLoad]);
    const [, entered] = await blocking(() => force.begin());
    heldUp(`${count} put in force on ${hosts} hosts`, [entered]);
    const loads: Stretch[] = [],
      inForce: Stretch[] = [];
    const edit = async (file: number, text: (before: string) => string): Promise<string> => {
      const path = join(dir, `manifests/${file}.yaml`);
      await writeFile(path, text(await readFile(path, "utf8")));
      await commit(dir, "edit");
      return workspace.head();
    };
    for (let round = 0; round < 5; round++) {
      const head = await edit(round, (text) => text.replaceAll("# first", "# second"));
      const [loaded, stretch] = await blocking(() => workspace.load(head));
      if (!loaded.ok || loaded.loaded.resources.length !== files * perFile) throw new Error("the load is not what was written");
      loads.push(stretch);
    }
    await force.take(await workspace.head());
    for (let round = 0; round < 5; round++) {
      const word = `round-${round}`,
        head = await edit(round, (text) => text.replaceAll("# second", `# ${word}`));
      inForce.push((await blocking(() => force.take(head)))[1]);
      const content = String(
        world.desired.instances.get(`File/f${round}-r0@host-${(round * perFile) % hosts}`)?.resource.resource.spec["content"],
      );
      if (world.desired.commit !== head || !content.includes(word)) throw new Error("what was written is not in force");
    }
    report(`load of ${count}, one file changed`, median(loads.map(({ ms }) => ms)), "ms", {
      target: 100,
      note: "from the commit to checked resources",
    });
    heldUp(`load of ${count}, one file changed`, loads);
    report(`${count} in force, one file changed`, median(inForce.map(({ ms }) => ms)), "ms", {
      target: 60,
      note: "from the commit to compared instances",
    });
    heldUp(`${count} in force, one file changed`, inForce);
    const head = await workspace.head(),
      text = manifest(0, hosts, "previewed"),
      [shown, previewed] = await blocking(() => workspace.loadEdited(head, [{ path: "manifests/0.yaml", text }]));
    if (!shown.ok || shown.loaded.commit !== "") throw new Error("the edit could not be read");
    report(`${count}, an edit of one file read for a preview`, previewed.ms, "ms");
    heldUp(`${count}, an edit of one file read for a preview`, [previewed]);
    const broken = await edit(0, (text) => text.replace("path:", "pth:")),
      [, refused] = await blocking(() => force.take(broken));
    if (force.problems().length === 0 || world.desired.commit === broken) throw new Error("a broken commit is in force");
    report(`${count}, a broken file refused`, refused.ms, "ms");
    heldUp(`${count}, a broken file refused`, [refused]);
    const tagged = await edit(0, (text) => [...text.replace("pth:", "path:").split("---\n").slice(1), hostResource].join("---\n")),
      [, selected] = await blocking(() => force.take(tagged));
    if (world.hosts.get("host-1")?.tags.includes("tagged") !== true) throw new Error("the host is not tagged");
    report(`${count} in force, a host's tags changed`, selected.ms, "ms");
    heldUp(`${count} in force, a host's tags changed`, [selected]);
    await workspace.close();
    await store.close();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
