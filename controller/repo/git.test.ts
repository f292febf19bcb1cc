import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { maskPasswords } from "./git.ts";

test.each([
  ["fatal: unable to access 'https://git:hunter2@git.example/a.git/'", "fatal: unable to access 'https://***@git.example/a.git/'"],
  ["https://ghp_token@git.example/a", "https://***@git.example/a"],
  ["https://git:p@ss@git.example/a", "https://***@git.example/a"],
  ["ssh://git.example/a@b", "ssh://git.example/a@b"],
])("no name or password of a URL is told: %s", (said, told) => {
  expect(maskPasswords(said)).toBe(told);
});

test("a process that may open no more files is told so, and lives", async () => {
  const script = `
    import { closeSync, openSync } from "node:fs";
    import { runGit } from ${JSON.stringify(new URL("./git.ts", import.meta.url).href)};
    const files = [];
    try { for (;;) files.push(openSync("/dev/null")); } catch {}
    closeSync(files.pop());
    const first = await runGit("/", ["version"]).then(() => "ran", (cause) => cause.problems[0].summary);
    for (const file of files) closeSync(file);
    console.log(first, (await runGit("/", ["version"])).code);
  `;
  const argv = ["-c", 'ulimit -n 256; exec "$0" --input-type=module -e "$1"', process.execPath, script];
  expect((await promisify(execFile)("sh", argv)).stdout).toBe("Unable to run git: too many files are open 0\n");
});
