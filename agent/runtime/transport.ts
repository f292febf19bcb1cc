import type { Transport } from "../../schemas/transport.ts";

export type { Transport };

/** Opens a connection to a controller by its base address; throws where it cannot. */
export type Dial = (controller: string, signal: AbortSignal) => Promise<Transport>;
