import type { Ask } from "../../schemas/contract.ts";
import type { Step } from "../../schemas/plan.ts";
import type { Problem } from "../../schemas/problem.ts";

/** What the loop needs of the agents' connections. Every call rejects with a ProblemError `agent/offline` where the host is not connected. */
export interface Agents {
  isOnline(host: string): boolean;
  /** Signs and sends; resolves when it is handed to the connection, not when it is done. */
  sendStep(
    host: string,
    order: { readonly id: string } & Pick<Step, "action" | "input" | "expect" | "goal" | "undo" | "timeoutMs">,
  ): Promise<void>;
  setWatch(host: string, asks: readonly Ask[]): void;
  query(host: string, ask: Ask, timeoutMs: number, signal?: AbortSignal): Promise<unknown>;
}

/** Something for people who watch: stored, numbered and sent to everyone who follows. */
export type Tell = (event: {
  readonly type: string;
  readonly host?: string | undefined;
  readonly about?: string | undefined;
  readonly text: string;
  readonly data?: unknown;
}) => void;

export interface Log {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
  debug(fields: object, text: string): void;
}

/** Puts secrets in where an input holds `{ secretRef }` or `{ join }`; a problem where one is missing, or another may hold by now (`outdated`). Called only when a step is sent. */
export type Unseal = (
  input: unknown,
) => Promise<{ readonly ok: true; readonly input: unknown } | { readonly ok: false; readonly problem: Problem; readonly outdated?: true }>;
