import type { Owned } from "../../schemas/verbs/host.ts";
import type { Memory } from "./memory.ts";

/**
 * Remembers something as ours (`next`; undefined: not ours any more) before `work` makes it so, for a step whose goal is found
 * to hold after a power cut is not done again. Where the work fails the claim is as before, unless `stands` finds it true all the same.
 */
export async function claiming<T>(
  memory: Memory,
  claim: string,
  next: Omit<Owned, "claim"> | undefined,
  work: () => Promise<T>,
  stands: () => Promise<boolean> = () => Promise.resolve(false),
): Promise<T> {
  const before = memory.owned().find((owned) => owned.claim === claim);
  await set(memory, claim, next);
  try {
    return await work();
  } catch (failure) {
    if (!(await stands().catch(() => false))) await set(memory, claim, before).catch(() => undefined);
    throw failure;
  }
}

const set = (memory: Memory, claim: string, owned: Omit<Owned, "claim"> | undefined): Promise<void> =>
  owned === undefined ? memory.disown(claim) : memory.own({ ...owned, claim });
