import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const checkout = fileURLToPath(new URL("../..", import.meta.url));
let home: string, sandbox: ChildProcess, printed: string, env: NodeJS.ProcessEnv;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "backend-ai-tour-"));
  const { BACKEND_AI_SERVER: _, BACKEND_AI_TOKEN: __, BACKEND_AI_CONTEXT: ___, ...rest } = process.env;
  env = { ...rest, XDG_CONFIG_HOME: home, NO_COLOR: "1", PATH: `${join(checkout, "node_modules/.bin")}${delimiter}${process.env["PATH"]}` };
  sandbox = spawn(process.execPath, ["controller/cli/main.ts", "sandbox", "--hosts", "12", "--port", "0"], {
    cwd: checkout,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  printed = await untilPrinted(sandbox, /Ctrl-C ends it/);
}, 60_000);
afterAll(async () => {
  if (sandbox.exitCode === null) sandbox.kill("SIGKILL");
  await rm(home, { recursive: true, force: true });
});

/** What a process wrote up to a word on either of its outputs. */
async function untilPrinted(child: ChildProcess, word: RegExp): Promise<string> {
  let text = "";
  return new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk: Buffer) => {
        text += String(chunk);
        if (word.test(text)) resolve(text);
      });
    child.once("exit", (code) => reject(new Error(`the sandbox ended with ${code}:\n${text}`)));
  });
}

/** The lines of the tour, as they are to be copied. */
const lines = (): string[] => [...printed.matchAll(/^ *\d+\. .*\n {4}(\S.*)$/gm)].map(([, line]) => line!);

/** Runs a line as somebody who pasted it into a shell: its exit status and all that it wrote. */
const paste = (line: string): Promise<{ code: number; text: string }> =>
  new Promise((resolve) => {
    execFile("sh", ["-c", line], { cwd: checkout, env, timeout: 60_000 }, (failure, stdout, stderr) =>
      resolve({ code: failure === null ? 0 : Number(failure.code ?? -1), text: `${stdout}${stderr}` }),
    );
  });

/** What each line of the tour has to show, in order. */
const shown: readonly RegExp[] = [
  /12 online[^]*in sync/,
  /^$/,
  /APP_WORKERS = 8[^]*needs approval/,
  /Service\/app healthy[^]*succeeded/,
  /APP_WORKERS = 4[^]*succeeded/,
  /alice did systemctl stop nginx.service on web-01/,
  /Service\/nginx@web-01 drifted[^]*by alice[^]*put back by us/,
  /File\/motd@dev-01 drifted/,
  /File\/motd on dev-01: update[^]*succeeded/,
  /nginx.service is running/,
  /restart nginx.service[^]*succeeded/,
];

test("the tour works as it is printed", async () => {
  const tour = lines();
  expect(tour).toHaveLength(shown.length);
  for (const [at, line] of tour.entries()) {
    const { code, text } = await paste(line);
    expect([line, code, text]).toEqual([line, 0, expect.stringMatching(shown[at]!)]);
  }
}, 180_000);

test("the end of a sandbox leaves nothing behind", async () => {
  const folder = /Workspace +(\S+)/.exec(printed)![1]!;
  sandbox.kill("SIGINT");
  const [code] = (await once(sandbox, "exit")) as [number | null];
  const left = await access(folder).then(
    () => true,
    () => false,
  );
  const contexts: unknown = JSON.parse(await readFile(join(home, "backend-ai/contexts.json"), "utf8"));
  expect([code, left, contexts]).toEqual([0, false, { version: 1, contexts: {} }]);
}, 30_000);
