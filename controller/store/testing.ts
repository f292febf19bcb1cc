import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Plan } from "../../schemas/plan.ts";
import { openStore, type StoreOptions } from "./open.ts";
import type { Store } from "./store.ts";

/** A folder that goes with the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "backend-ai-store-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A store in a real file that goes with the test. */
export async function temporaryStore(options?: StoreOptions): Promise<Store & { readonly path: string }> {
  const path = join(await temporaryFolder(), "controller.db"),
    store = openStore(path, options);
  onTestFinished(() => store.close());
  return { ...store, path };
}

/** A plan with nothing in it but its digest. */
export const emptyPlan = (digest: string, fields: Partial<Plan> = {}): Plan => ({
  digest,
  commit: "c0ffee",
  tree: "t",
  madeAt: "2026-11-20T10:00:00Z",
  basis: { facts: {} },
  changes: [],
  later: [],
  unknown: [],
  orphaned: [],
  blocked: [],
  problems: [],
  risk: "medium",
  approval: { needed: true, reasons: [] },
  inSync: 0,
  ...fields,
});

/** Does something without root's right to read and write everything; does it as we are where we are not root. */
export async function unprivileged<T>(work: () => T): Promise<Awaited<T>> {
  if (process.getuid?.() !== 0) return await work();
  process.seteuid?.(65534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
