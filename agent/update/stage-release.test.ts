import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type AgentRelease, releasePath } from "../../schemas/release.ts";
import { HttpRefusal } from "../runtime/post-json.ts";
import { folderOf, installationIn, type Trial } from "./installation.ts";
import { stageRelease } from "./stage-release.ts";

let folder: string;
const program = (version: string): string => `#!/bin/sh\n[ "$1" = --version ] && echo ${version}\n${"# filler\n".repeat(20_000)}`;
const releaseOf = (version: string, bytes: string, name = "agent-linux-x64"): AgentRelease => ({
  version,
  name,
  size: bytes.length,
  sha256: createHash("sha256").update(bytes).digest("hex"),
  signature: "",
});
/** A controller that gives these bytes; after so many of them each connection breaks off. */
function serving(bytes: string, { breaksAfter = Infinity }: { breaksAfter?: number } = {}) {
  const asked: number[] = [],
    paths = new Set<string>();
  return {
    asked,
    paths,
    fetch: async (path: string, from: number): Promise<Readable> => {
      paths.add(path);
      asked.push(from);
      const rest = bytes.slice(from);
      return Readable.from(
        (async function* () {
          yield Buffer.from(rest.slice(0, breaksAfter));
          if (rest.length > breaksAfter) throw new Error("socket hang up");
        })(),
      );
    },
  };
}
const stage = (release: AgentRelease, fetch: (path: string, from: number) => Promise<Readable>) =>
  stageRelease(release, { installation: installationIn(folder), fetch, signal: AbortSignal.timeout(15_000), progress: () => {} });
const code = (staged: Promise<string>): Promise<unknown> =>
  staged.catch((failure: { problems?: { code: string; retry: string }[] }) => [failure.problems?.[0]?.code, failure.problems?.[0]?.retry]);
const present = async (): Promise<string[]> => (await readdir(join(folder, "versions"))).sort();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stage-"));
  await mkdir(join(folder, "versions"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("a release is fetched where connections broke off, checked, started for its version, and then there under its name", async () => {
  const bytes = program("0.2.0"),
    release = releaseOf("0.2.0", bytes),
    from = serving(bytes, { breaksAfter: 100_000 });
  expect(await stage(release, from.fetch)).toBe(folderOf(release));
  expect([from.asked, [...from.paths]]).toEqual([[0, 100_000], [releasePath(release)]]);
  expect(await readFile(join(folder, "versions", folderOf(release), "ai-agent"), "utf8")).toBe(bytes);
  expect((await stat(join(folder, "versions", folderOf(release), "ai-agent"))).mode & 0o777).toBe(0o755);
  expect(await present()).toEqual([folderOf(release)]);
});

test("what is there already is not fetched again, unless it is damaged", async () => {
  const bytes = program("0.2.0"),
    release = releaseOf("0.2.0", bytes),
    first = serving(bytes),
    second = serving(bytes);
  await stage(release, first.fetch);
  expect([await stage(release, second.fetch), second.asked]).toEqual([folderOf(release), []]);
  await writeFile(join(folder, "versions", folderOf(release), "ai-agent"), "damaged");
  expect([await stage(release, second.fetch), second.asked]).toEqual([folderOf(release), [0]]);
});

test("what an agent that was killed had fetched is gone on with", async () => {
  const bytes = program("0.2.0"),
    release = releaseOf("0.2.0", bytes),
    from = serving(bytes);
  await mkdir(join(folder, "versions", `.new-${folderOf(release)}`));
  await writeFile(join(folder, "versions", `.new-${folderOf(release)}`, "ai-agent"), bytes.slice(0, 4096));
  expect([await stage(release, from.fetch), from.asked]).toEqual([folderOf(release), [4096]]);
});

test.each([
  ["other bytes of the same size", (bytes: string) => bytes.replaceAll("filler", "killer"), ["agent/release-digest", "later"]],
  ["more bytes than were ordered", (bytes: string) => `${bytes}more`, ["agent/release-fetch", "later"]],
])("%s are refused, and nothing stays under its name", async (_, change, expected) => {
  const bytes = program("0.2.0"),
    from = serving(change(bytes));
  expect(
    await code(
      stageRelease(releaseOf("0.2.0", bytes), {
        installation: installationIn(folder),
        fetch: from.fetch,
        signal: AbortSignal.timeout(1500),
        progress: () => {},
      }),
    ),
  ).toEqual(expected);
  expect((await present()).filter((name) => !name.startsWith("."))).toEqual([]);
});

test("a controller that refuses is not asked again and again", async () => {
  let asked = 0;
  const refusing = (): Promise<Readable> => {
    asked += 1;
    return Promise.reject(new HttpRefusal(404, { summary: "no such release" }));
  };
  expect([await code(stage(releaseOf("0.2.0", "x"), refusing)), asked]).toEqual([["agent/release-fetch", "later"], 1]);
});

test("a program that says another version, or does not run here, is not tried", async () => {
  for (const bytes of [program("0.1.9"), "\u007fELF for another machine"]) {
    expect(await code(stage(releaseOf("0.2.0", bytes), serving(bytes).fetch))).toEqual(["agent/release-runs", "never"]);
    expect(await present()).toEqual([]);
  }
});

test("the bundle for Node.js is started by the script of the version that runs", async () => {
  const old = "0.1.0-abababababab",
    script = '#!/bin/sh\nexec cat "$(dirname "$(readlink -f "$0")")/agent.cjs"\n';
  await mkdir(join(folder, "versions", old));
  await writeFile(join(folder, "versions", old, "ai-agent"), script, { mode: 0o755 });
  await installationIn(folder).confirm({ dir: old } as Trial);
  const release = releaseOf("0.2.0", "0.2.0\n", "agent.cjs");
  expect(await stage(release, serving("0.2.0\n").fetch)).toBe(folderOf(release));
  expect((await readdir(join(folder, "versions", folderOf(release)))).sort()).toEqual(["agent.cjs", "ai-agent"]);
});
