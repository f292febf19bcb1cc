import { execFileSync } from "node:child_process";
import { createServer } from "node:net";
import { chmod, mkdir, mkdtemp, readFile, rm, statfs, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { printProblem } from "../../schemas/problem.ts";
import { readConfig } from "../config.ts";
import { file, until } from "../loop/testing.ts";
import { startController } from "../main.ts";
import { openRepository } from "../repo/open.ts";
import { unprivileged } from "../repo/testing.ts";
import { type BadThing, environment, type Standing } from "./standing.fixture.ts";

const page = (text: string) => ({ path: "manifests/page.yaml", text: file("page", "/srv/page", `content: "${text}"`) });

/** What a second controller says that is started on something it cannot use; paths and ports as words. */
async function start(workspace: string, more: Readonly<Record<string, string>>, words: Readonly<Record<string, string>>): Promise<string> {
  const data = await mkdtemp(join(tmpdir(), "backend-ai-other-"));
  try {
    const running = await startController(await readConfig({ ...environment, BACKEND_AI_DATA: data, ...more }, { workspace }));
    await running.stop();
    return "it started";
  } catch (failure) {
    return plain(String((failure as Error).message), words);
  } finally {
    await rm(data, { recursive: true, force: true });
  }
}

const plain = (text: string, words: Readonly<Record<string, string>>): string =>
  Object.entries(words).reduce((all, [path, word]) => all.replaceAll(path, word), text);

/** A port that another program listens on. */
async function taken<T>(use: (port: string) => Promise<T>): Promise<T> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await use(String((server.address() as AddressInfo).port));
  } finally {
    await new Promise((resolve) => void server.close(resolve));
  }
}

async function folder<T>(use: (path: string) => Promise<T>): Promise<T> {
  const path = await mkdtemp(join(tmpdir(), "backend-ai-folder-"));
  try {
    return await use(path);
  } finally {
    await rm(path, { recursive: true, force: true });
  }
}

const warningsOf = async ({ repo }: Standing): Promise<string[]> => {
  const { repository, warnings } = await openRepository(repo.dir);
  repository.close();
  return warnings.map((one) => plain(printProblem(one), { [repo.dir]: "WORKSPACE" }));
};

/** Repositories, disks and ports that cannot be used as they are. */
export const repositories = {
  "workspace not a git repository": {
    says: "error: Unable to open the workspace FOLDER: it is not a git repository\n    Make a workspace of it: backend-ai init FOLDER",
    feed: () => folder((path) => start(path, {}, { [path]: "FOLDER" })),
  },
  "dirty repository": {
    says: [
      { count: 2, files: ["manifests/page.yaml", "manifests/new.yaml"] },
      409,
      [
        "error: Unable to commit: files that would change have uncommitted changes in WORKSPACE\n    error: Entry 'manifests/page.yaml' not uptodate. Cannot merge.\n    Commit them, or put them away with git stash",
      ],
      "somebody is at work here\n",
    ],
    async feed(to) {
      await to.repo.write("manifests/page.yaml", "somebody is at work here\n");
      await to.repo.write("manifests/new.yaml", "and here\n");
      const { uncommitted } = await to.status(),
        { status, problems } = await to.api("POST", "/api/v1/commits", { edits: [page("other")], message: "x" });
      const text = await readFile(join(to.repo.dir, "manifests/page.yaml"), "utf8");
      return [uncommitted, status, problems.map((one) => plain(one, { [to.repo.dir]: "WORKSPACE" })), text];
    },
  },
  "detached repository": {
    says: ["warning: The HEAD of WORKSPACE is detached: commits made there do not take effect, those on main do\n    git switch main"],
    async feed(to) {
      await to.repo.git("switch", "--quiet", "--detach");
      await to.repo.commit({ "manifests/page.yaml": page("detached").text });
      return warningsOf(to);
    },
  },
  "merging repository": {
    says: [
      [
        "warning: A merge is not finished in WORKSPACE: what it leads to takes effect once it is committed on main",
        "warning: 1 file is not committed in WORKSPACE and does not take effect\n    manifests/page.yaml",
      ],
      409,
      [
        "error: Unable to commit: a merge is not finished in WORKSPACE, and finishing it would take our change back\n    Finish it, or give it up: git merge --abort",
      ],
    ],
    async feed(to) {
      await to.repo.git("switch", "--quiet", "--create", "side");
      await to.repo.commit({ "manifests/page.yaml": page("side").text });
      await to.repo.git("switch", "--quiet", "main");
      await to.repo.git("merge", "--no-ff", "--no-commit", "side");
      const { status, problems } = await to.api("POST", "/api/v1/commits", { edits: [page("other")], message: "x" });
      const said = [await warningsOf(to), status, problems.map((one) => plain(one, { [to.repo.dir]: "WORKSPACE" }))];
      await to.repo.git("merge", "--abort");
      await to.repo.git("branch", "--quiet", "-D", "side");
      return said;
    },
  },
  "unreadable folder": {
    says: "error: Unable to open the workspace FOLDER/closed: permission denied\n    Let the controller's user read it",
    feed: () =>
      folder(async (path) => {
        await mkdir(join(path, "closed"), { mode: 0 });
        await chmod(path, 0o755);
        const said = await unprivileged(() =>
          openRepository(join(path, "closed")).then(
            () => "it opened",
            (failure: unknown) => String((failure as Error).message),
          ),
        );
        return plain(said, { [path]: "FOLDER" });
      }),
  },
  "disk full while journaling": {
    skipped: process.getuid?.() !== 0 && "it needs root, to mount a small disk",
    takesEffect: true,
    says: [
      507,
      [
        "error: Unable to write DATA/controller.db: the disk is full\n    database or disk is full\n    Free some space; what was acknowledged is kept, what was not is tried again",
      ],
      "pending",
    ],
    async feed(to) {
      await to.commit({ "manifests/side.yaml": file("side", "/srv/side", 'content: "x"') });
      await until(() => to.running.controller.status().instances.unknown === 0);
      const plan = await to.api("POST", "/api/v1/plans", {}),
        { bavail, bsize } = await statfs(to.data),
        ballast = join(to.data, "ballast");
      await writeFile(ballast, Buffer.alloc(bavail * bsize));
      const { status, problems } = await to.api("POST", `/api/v1/plans/${String(plan.json["digest"])}/approve`, {});
      await rm(ballast);
      const kept = (await to.api("GET", `/api/v1/plans/${String(plan.json["digest"])}`)).json;
      return [status, problems.map((one) => plain(one, { [to.data]: "DATA" })), kept["state"]];
    },
  },
  "port in use": {
    says: [
      "error: Unable to listen on 127.0.0.1:PORT: another program uses this port\n    Stop it (`ss -ltnp 'sport = :PORT'` shows it), or set PORT to another port.",
      "error: Unable to listen for agents on port PORT: another program listens there\n    Set WS_PORT to another port, or stop the other program.",
    ],
    feed: (to) =>
      taken(async (port) => [
        await start(to.repo.dir, { PORT: port }, { [port]: "PORT" }),
        await start(to.repo.dir, { WS_PORT: port }, { [port]: "PORT" }),
      ]),
  },
  "clock jump": {
    says: [[], 2, []],
    async feed(to) {
      const real = Date.now;
      try {
        for (const jump of [7_200_000, -7_200_000]) {
          Date.now = () => real() + jump;
          await to.api("POST", "/api/v1/plans", {});
          await to.running.controller.query("web-01", "service", { unit: "nginx.service" });
        }
      } finally {
        Date.now = real;
      }
      const { problems, instances, running } = await to.status();
      return [problems, instances.inSync, running];
    },
  },
} satisfies Record<string, BadThing>;

/** A disk of 16 MiB for the controller's data, where we may mount one; else an ordinary folder. `gone` takes it away. */
export async function dataDisk(): Promise<{ path: string; gone(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "backend-ai-data-")),
    isRoot = process.getuid?.() === 0;
  if (isRoot) execFileSync("mount", ["-t", "tmpfs", "-o", "size=16m,mode=0700", "tmpfs", path]);
  return {
    path,
    async gone() {
      if (isRoot) execFileSync("umount", ["--lazy", path]);
      await rm(path, { recursive: true, force: true });
    },
  };
}
