import { stringify } from "yaml";

/** One document of a manifest. */
export const resource = (kind: string, name: string, spec: Readonly<Record<string, unknown>>): string =>
  stringify({ apiVersion: "backend-ai/v1", kind, metadata: { name }, spec });

/** Documents of one manifest. */
export const manifest = (...documents: readonly string[]): string => documents.join("---\n");

/** Every change runs by itself: for tests that are not about approval. */
export const everythingRuns = resource("Policy", "everything-runs", { on: "*", approval: { from: "never" } });

/** Drift is put back. */
export const correctDrift = resource("Policy", "correct-drift", { on: "*", drift: { mode: "correct" } });
