import type { CommandView } from "../../schemas/api.ts";
import type { Caller } from "../loop/controller.ts";

/** How a sentence is to be taken. */
export interface AskOptions {
  /** Wait for `confirm` before anything is committed; false: confirmed by the caller's asking, as far as the role reaches. */
  readonly requireConfirmation: boolean;
  /** Nothing outside these hosts, whatever the sentence says. */
  readonly targetAgents?: readonly string[] | undefined;
  /** Goes on with an earlier conversation. */
  readonly conversation?: string | undefined;
  readonly offline?: boolean | undefined;
  /** Show what it would do, keep nothing to be confirmed. */
  readonly dryRun?: boolean | undefined;
  /** Where the sentence was written, for the commit's trailer. */
  readonly from?: "cli" | "ui" | undefined;
}

/**
 * Sentences in, answers out: what the API needs of the interpreter. Expected failures reject with a ProblemError
 * (`not-found/command`, `conflict/command`, `forbidden/…`, `invalid/…`); a sentence that is not understood is an answer (`clarify`, `refused`), not a failure.
 */
export interface Converse {
  ask(sentence: string, caller: Caller, options: AskOptions): Promise<CommandView>;
  /** The yes of who asked, or of an admin, to what was shown under this id: commits, approves as far as the caller may, starts the run. */
  confirm(id: string, caller: Caller): Promise<CommandView>;
  reject(id: string, caller: Caller, reason?: string): Promise<CommandView>;
  /** What became of a sentence, for who asked and for admins: to everybody else there is none of this id. */
  get(id: string, caller: Caller): Promise<CommandView | undefined>;
}
