import type { Clock } from "./clock.ts";
import type { Memory } from "./memory.ts";
import { emptyMemory, memoryOver } from "./memory-state.ts";

/** A memory that lasts as long as the process: for the sandbox and tests. */
export const volatileMemory = (clock: Clock): Memory => memoryOver(emptyMemory, clock, () => Promise.resolve());
