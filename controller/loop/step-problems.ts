import type { Problem } from "../../schemas/problem.ts";

/** A host that is connected and does not answer for a step. */
export const silent = (host: string, tries: number): Problem => ({
  code: "agent/no-answer",
  severity: "error",
  summary: `${host} is connected and did not answer, though the step was sent ${tries} times; whether it was done is unknown.`,
  hint: `It is planned anew from what the host is now. See what its agent logs: journalctl -u ai-agent (on ${host})`,
  retry: "later",
});

/** A host that went away and did not come back. */
export const lost = (host: string): Problem => ({
  code: "agent/offline",
  severity: "error",
  summary: `${host} did not come back in time; whether the step was done is unknown.`,
  hint: "It is planned anew once the host answers.",
  retry: "later",
});
