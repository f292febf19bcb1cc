import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { error, type Problem, ProblemError } from "../../schemas/problem.ts";

/**
 * Settings of every call, stronger than those of the repository and its user: no hook and no file-system monitor is run, no
 * other program is started for a URL, what we write is on disk before git says so, and nothing goes on in the background.
 */
const fixed = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "core.fsync=all",
  "core.quotePath=false",
  "core.editor=false",
  "gc.auto=0",
  "maintenance.auto=false",
  "protocol.ext.allow=never",
  "submodule.recurse=false",
  "fetch.recurseSubmodules=false",
  "i18n.commitEncoding=UTF-8",
  "advice.detachedHead=false",
].flatMap((setting) => ["-c", setting]);

/** What of our own environment git may see; above all none of the GIT_ variables of whoever started us. */
const passed = [
  "PATH",
  "HOME",
  "XDG_CONFIG_HOME",
  "SSH_AUTH_SOCK",
  "TMPDIR",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "HTTPS_PROXY",
  "NO_PROXY",
];

function environment(extra: Readonly<Record<string, string>>): Record<string, string> {
  const env: Record<string, string> = {
    LC_ALL: "C",
    GIT_TERMINAL_PROMPT: "0",
    // Nobody is there to answer a question about a password or a host key.
    SSH_ASKPASS: "/bin/false",
    SSH_ASKPASS_REQUIRE: "force",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_LITERAL_PATHSPECS: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_NO_LAZY_FETCH: "1",
  };
  for (const name of passed) if (process.env[name] !== undefined) env[name] = process.env[name];
  return { ...env, ...extra };
}

export interface GitOptions {
  readonly input?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** By default 30 s. */
  readonly timeoutMs?: number | undefined;
  /** The most that is taken from standard output; by default 64 MiB. */
  readonly maxBytes?: number | undefined;
}

export interface GitResult {
  readonly code: number;
  readonly stdout: Buffer;
  /** At most the last 8 KiB, passwords in URLs masked. */
  readonly stderr: string;
}

/**
 * How every git process is started: arguments, environment, a session of its own (no terminal to ask on; killed with its children). Throws a
 * ProblemError where the system has no files left for its pipes.
 */
export function gitProcess(
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcessWithoutNullStreams {
  const child = spawn("git", [...fixed, ...args], { cwd, env: environment(env), detached: true, stdio: ["pipe", "pipe", "pipe"] });
  // Without a listener an error would end the whole controller, and one may come before anybody else can listen.
  child.on("error", () => {});
  // Node leaves the pipes out when the process may open no more files (EMFILE, ENFILE).
  if ((child.stdin as unknown) === undefined)
    throw new ProblemError(error("repo/git-failed", "Unable to run git: too many files are open", { retry: "later" }));
  return child;
}

/** Runs git to its end, whatever its exit code. Throws a ProblemError where it cannot be started, takes too long or says too much. */
export function runGit(cwd: string, args: readonly string[], options: GitOptions = {}): Promise<GitResult> {
  const { timeoutMs = 30_000, maxBytes = 64 * 1024 * 1024 } = options;
  return new Promise((resolve, reject) => {
    const child = gitProcess(cwd, args, options.env),
      chunks: Buffer[] = [];
    let size = 0,
      stderr = "",
      failure: Problem | undefined;
    const stop = (problem: Problem): void => {
      failure ??= problem;
      killGroup(child.pid);
    };
    const timer = setTimeout(
      () => stop(error("repo/timeout", `Unable to finish git ${args[0]}: it took longer than ${timeoutMs / 1000} s`, { retry: "later" })),
      timeoutMs,
    );
    child.stdout.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) stop(error("repo/too-much", `Unable to use the answer of git ${args[0]}: it is longer than ${maxBytes} bytes`));
      else chunks.push(chunk);
    });
    child.stderr.on("data", (chunk: Buffer) => (stderr = lastOf(stderr + chunk.toString(), 8192)));
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
    child.on("error", (cause) => {
      clearTimeout(timer);
      reject(new ProblemError(notStarted(cwd, cause as NodeJS.ErrnoException), { cause }));
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      if (failure !== undefined) reject(new ProblemError(failure));
      else resolve({ code: code ?? 128, stdout: Buffer.concat(chunks), stderr: maskPasswords(stderr.trim()) });
    });
  });
}

/** Standard output of a git call without its last line end; a ProblemError (`repo/git-failed`) where its exit code is not 0. */
export async function gitText(cwd: string, args: readonly string[], options?: GitOptions): Promise<string> {
  const { code, stdout, stderr } = await runGit(cwd, args, options);
  if (code !== 0) throw new ProblemError(gitFailed(args, stderr));
  return stdout.toString("utf8").replace(/\n$/, "");
}

/** The problem of a git call that failed, with what git says about it. A lock in the way, or a full disk, passes. */
export function gitFailed(args: readonly string[], stderr: string): Problem {
  const verb = args.find((arg) => !arg.startsWith("-")) ?? "",
    said = lastLine(stderr);
  if (/\.lock': File exists/.test(stderr)) {
    return error("repo/busy", "Unable to use the repository: another git command is at work in it", {
      detail: stderr,
      retry: "later",
      hint: "If none is, remove the .lock file that git names",
    });
  }
  if (/No space left on device|Out of diskspace|Disk quota exceeded/.test(stderr))
    return error("repo/disk-full", "Unable to write to the repository: the disk is full", { detail: stderr, retry: "later" });
  return error("repo/git-failed", `Unable to run git ${verb}: ${said}`, {
    ...(stderr.includes("\n") ? { detail: stderr } : {}),
    retry: "later",
  });
}

/** The end of a text, cut at a line: half a URL would no longer be known as one. */
function lastOf(text: string, most: number): string {
  if (text.length <= most) return text;
  const end = text.slice(-most);
  return end.slice(end.indexOf("\n") + 1);
}

const lastLine = (text: string): string => (text.split("\n").at(-1) || "it gave no reason").replace(/^(fatal|error): /, "");

/** A text of git without the names and passwords in its URLs; up to the last @ before the path, since a password may hold one itself. */
export const maskPasswords = (text: string): string => text.replaceAll(/(\w+:\/\/)[^/\s]+@/g, "$1***@");

function notStarted(cwd: string, cause: NodeJS.ErrnoException): Problem {
  // A missing working folder and a missing program have the same code.
  if (cause.code === "ENOENT")
    return error("repo/no-git", `Unable to run git in ${cwd}: git or the folder is not there`, { hint: "Install git (apt install git)" });
  return error("repo/git-failed", `Unable to run git: ${cause.message}`, { retry: "later" });
}

/** Ends a process that leads its own group, and its children. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
}
