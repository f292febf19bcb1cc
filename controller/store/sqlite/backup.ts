import { open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { backup } from "node:sqlite";
import { error, ProblemError } from "../../../schemas/problem.ts";
import type { Database } from "./database.ts";
import { asProblem } from "./problem.ts";

/** Copies the database into a new file while it is in use: complete and on disk under its name, or not there at all. */
export async function backUp(db: Database, path: string): Promise<void> {
  if (
    await stat(path).then(
      () => true,
      () => false,
    )
  )
    throw new ProblemError(
      error("store/backup-exists", `Unable to write the backup ${path}: the file exists`, { hint: "Name another file" }),
    );
  const partial = `${path}.partial`;
  try {
    await (await open(partial, "w", 0o600)).close();
    // A write on the connection in the middle of a step makes the backup fail, so writes wait for it.
    await db.hold((connection) => backup(connection, partial, { rate: 1000 }));
    await sync(partial);
    await rename(partial, path);
    await sync(dirname(path));
  } catch (thrown) {
    await rm(partial, { force: true });
    throw failure(thrown, path);
  }
}

async function sync(path: string): Promise<void> {
  const handle = await open(path);
  await handle.sync().finally(() => handle.close());
}

function failure(thrown: unknown, path: string): unknown {
  const told = asProblem(thrown, path);
  if (told instanceof ProblemError) return told;
  return new ProblemError(
    error("store/backup-failed", `Unable to write the backup ${path}: ${thrown instanceof Error ? thrown.message : String(thrown)}`, {
      retry: "later",
    }),
    { cause: thrown },
  );
}
