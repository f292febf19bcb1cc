import { ProblemError } from "../../schemas/problem.ts";
import { problemOfPve, PveError } from "../pve/pve-error.ts";

/** Reads something of the cluster: what Proxmox VE refuses is told as a problem, which is tried again later, for a fact that cannot be read is unknown. */
export async function reading<T>(what: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (failure) {
    if (!(failure instanceof PveError)) throw failure;
    throw new ProblemError({ ...problemOfPve(failure, what), retry: "later" }, { cause: failure });
  }
}

type Handler = (input: never, context: never) => Promise<string | undefined>;

/** Actions whose refusals by Proxmox VE are told as problems, with what to do, and are tried again only where that can help. */
export function told<T extends Readonly<Record<string, Handler>>>(actions: T): T {
  const telling =
    (name: string, act: Handler): Handler =>
    async (input, context) => {
      try {
        return await act(input, context);
      } catch (failure) {
        if (!(failure instanceof PveError)) throw failure;
        throw new ProblemError(problemOfPve(failure, `carry out ${name}`), { cause: failure });
      }
    };
  return Object.fromEntries(Object.entries(actions).map(([name, act]) => [name, telling(name, act)])) as T;
}
