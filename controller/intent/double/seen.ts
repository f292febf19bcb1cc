import type { IncomingHttpHeaders } from "node:http";
import type Anthropic from "@anthropic-ai/sdk";
import type { ApiError } from "./api-error.ts";

/** One request as it arrived, and what became of it. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  body?: unknown;
  /** The status sent, once it is sent; 200 for a stream that breaks later. */
  readonly status: number | undefined;
  /** The error found by a check; scripted faults are not here. */
  error?: ApiError;
  message?: Anthropic.Message;
  /** The client went away before the answer was complete. */
  closedEarly?: true;
}
