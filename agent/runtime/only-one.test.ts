import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { onlyOne } from "./only-one.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "one-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** A process of its own that takes the folder, and then lives until it is killed. */
async function other() {
  const code = `import(process.argv[1]).then((m) => m.onlyOne(process.argv[2])).then(() => { console.log("has it"); setInterval(() => {}, 1000); })`;
  const child = spawn(process.execPath, ["-e", code, new URL("only-one.ts", import.meta.url).pathname, folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return async () => {
    child.kill("SIGKILL");
    await once(child, "exit");
  };
}

test("a folder is one process's at a time, and free again once that was killed", async () => {
  const kill = await other();
  await expect(onlyOne(folder)).rejects.toThrow("another agent already uses");
  await kill();
  const letGo = await onlyOne(folder);
  await expect(onlyOne(folder)).rejects.toThrow("another agent already uses");
  expect(await readdir(folder)).toEqual(["agent.sock"]);
  letGo();
});

test("of many that start at the same moment over what a crash left, one gets it", async () => {
  await (await other())();
  const tries = await Promise.allSettled(Array.from({ length: 8 }, () => onlyOne(folder)));
  const got = tries.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  expect(got).toHaveLength(1);
  for (const letGo of got) letGo();
});
