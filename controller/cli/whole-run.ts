import { error, ProblemError } from "../../schemas/problem.ts";
import type { Client } from "./client.ts";

/** The id of a run that `last` or the beginning of an id means, with or without "run-"; undefined: there are no runs. */
export async function wholeRun(client: Client, given: string): Promise<string | undefined> {
  if (given === "last") return (await client.runs(1))[0]?.id;
  const start = given.startsWith("run-") ? given : `run-${given}`;
  if (start.length < "run-1234".length || start.length >= "run-".length + 36) return given;
  const found = (await client.runs(1000)).filter((one) => one.id.startsWith(start));
  if (found.length < 2) return found[0]?.id ?? given;
  throw new ProblemError(error("not-found/run", `${given} is the beginning of ${found.length} runs`, { hint: "See: backend-ai runs" }));
}
