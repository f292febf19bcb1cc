import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, copyFile, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { AgentRelease } from "../../schemas/release.ts";
import { releasePath } from "../../schemas/release.ts";
import { failure } from "../platform/failure.ts";
import { lastLines, runProgram } from "../platform/program.ts";
import { sleep } from "../platform/sleep.ts";
import { syncFolder } from "../runtime/durable.ts";
import { reasonOf } from "../runtime/log.ts";
import { HttpRefusal } from "../runtime/post-json.ts";
import { folderOf, type Installation } from "./installation.ts";
import type { OwnAgent } from "./own-agent.ts";

/** What staging a release needs: where it goes, who gives it, and whom to tell. */
export interface Staging {
  readonly installation: Installation;
  readonly fetch: OwnAgent["fetch"];
  readonly signal: AbortSignal;
  readonly progress: (text: string) => void;
}

/** How often a fetch is taken up again where it broke off. */
const maxTries = 8;

/**
 * Puts a release beside the versions that are there, and answers its folder's name: fetched (what an earlier try brought is gone on with), its digest
 * checked, on disk, and started once for its version. The folder has its name only when all of that is so. Throws ProblemError.
 */
export async function stageRelease(release: AgentRelease, staging: Staging): Promise<string> {
  const { installation } = staging,
    dir = folderOf(release),
    versions = join(installation.folder, "versions");
  const partial = `.new-${dir}`,
    work = join(versions, partial),
    place = join(versions, dir),
    file = release.name.endsWith(".cjs") ? "agent.cjs" : "ai-agent";
  if ((await digestOf(join(place, file))) === release.sha256) return dir;
  await installation.tidy([partial]);
  await mkdir(work, { recursive: true, mode: 0o755 });
  try {
    await fetchAll(release, join(work, file), staging);
    if (file === "agent.cjs") await copyFile(join(installation.folder, "current", "ai-agent"), join(work, "ai-agent"));
  } catch (cause) {
    if ((cause as { code?: unknown }).code === "ENOSPC") {
      await rm(work, { recursive: true, force: true });
      throw failure("agent/disk-full", `Unable to fetch agent ${release.version}: the disk of ${versions} is full`, {
        retry: "later",
        cause,
      });
    }
    throw cause;
  }
  await chmod(join(work, "ai-agent"), 0o755);
  const digest = await digestOf(join(work, file));
  if (digest !== release.sha256) {
    await rm(work, { recursive: true, force: true });
    throw failure("agent/release-digest", `Unable to use agent ${release.version}: what was fetched is not what the controller ordered`, {
      detail: `SHA-256 ordered ${release.sha256}, fetched ${digest ?? "nothing"}`,
      retry: "later",
    });
  }
  await syncFile(join(work, file));
  await syncFile(join(work, "ai-agent"));
  await syncFolder(work);
  await saysVersion(join(work, "ai-agent"), release.version, staging.signal).catch(async (cause: unknown) => {
    await rm(work, { recursive: true, force: true });
    throw cause;
  });
  // What somebody damaged there makes way.
  if ((await installation.current()) !== dir) await rm(place, { recursive: true, force: true });
  await rename(work, place);
  await syncFolder(versions);
  return dir;
}

/** Fetches what is missing of a file, taking up again where a connection broke off; never more than its size. */
async function fetchAll(release: AgentRelease, path: string, { fetch, signal, progress }: Staging): Promise<void> {
  for (let tries = 1; ; tries++) {
    const have = await stat(path).then(
      ({ size }) => size,
      () => 0,
    );
    if (have === release.size) return;
    if (have > release.size) await rm(path);
    progress(`fetching agent ${release.version}${have > 0 ? `, ${Math.floor((have / release.size) * 100)}% are there` : ""}`);
    try {
      await append(path, await fetch(releasePath(release), have > release.size ? 0 : have, signal), release.size);
      if ((await stat(path)).size >= release.size) return;
    } catch (cause) {
      if ((cause as { code?: unknown }).code === "ENOSPC") throw cause;
      const refused = cause instanceof HttpRefusal && cause.status < 500 && cause.status !== 429;
      if (refused || tries >= maxTries || signal.aborted)
        throw failure("agent/release-fetch", `Unable to fetch agent ${release.version}: ${reasonOf(cause)}`, { retry: "later", cause });
    }
    await sleep(500 * tries, signal);
  }
}

async function append(path: string, from: AsyncIterable<Buffer>, size: number): Promise<void> {
  const handle = await open(path, "a", 0o755);
  try {
    let at = (await handle.stat()).size;
    for await (const part of from) {
      at += part.length;
      if (at > size) throw new Error("more came than the release has");
      await handle.write(part);
    }
  } finally {
    await handle.close();
  }
}

/** SHA-256 of a file, hexadecimal; undefined where there is none. */
async function digestOf(path: string): Promise<string | undefined> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(path), hash);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw cause;
  }
  return hash.digest("hex");
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A program that does not even say its version on this host is not tried. */
async function saysVersion(program: string, version: string, signal: AbortSignal): Promise<void> {
  const said = await runProgram([program, "--version"], { timeoutMs: 20_000, signal, maxOutput: 8192 }).catch((cause: unknown) => ({
    code: null,
    output: reasonOf(cause),
  }));
  if (said.code === 0 && said.output.trim() === version) return;
  throw failure("agent/release-runs", `Unable to use agent ${version}: ${dirname(program)} does not run on this host`, {
    detail: lastLines(said.output) || `it ended with ${said.code ?? "a signal"}`,
  });
}
