import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Accounts } from "./accounts.ts";
import { readFact } from "./read.ts";

const accounts = { userName: () => Promise.resolve("root"), groupName: () => Promise.resolve("root") } as unknown as Accounts;
const read = (path: string) => readFact({ path }, accounts, undefined, new AbortController().signal);

test("of a file that everybody may read the folder is told that not everybody may enter, also behind a link", async () => {
  const top = await mkdtemp(join(tmpdir(), "closed-"));
  onTestFinished(() => rm(top, { recursive: true, force: true }));
  await chmod(top, 0o755);
  await mkdir(join(top, "app/conf"), { recursive: true });
  const path = join(top, "app/conf/secret.env");
  await writeFile(path, "x", { mode: 0o644 });
  await symlink("app/conf", join(top, "link"));
  expect(await read(path)).not.toHaveProperty("closedBy");
  await chmod(join(top, "app"), 0o700);
  expect(await read(path)).toMatchObject({ mode: "0644", closedBy: join(top, "app") });
  expect(await read(join(top, "link/secret.env"))).toMatchObject({ closedBy: join(top, "app") });
  await chmod(path, 0o640);
  expect(await read(path)).not.toHaveProperty("closedBy");
});
