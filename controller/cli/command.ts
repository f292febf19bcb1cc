import type { Client } from "./client.ts";
import type { Terminal } from "./terminal.ts";

/** What commands are given: the world around the process, and the controller once they ask for it. */
export interface Cli {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly terminal: Terminal;
  /** Where to find the controller, as the global options say it. */
  readonly target: Target;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly version: string;
  /** The controller's API; a ProblemError where no controller is known. */
  client(): Promise<Client>;
}

export interface Target {
  readonly server?: string | undefined;
  readonly context?: string | undefined;
}

/** An option as `commander` takes it, what it is for, and whether it may be said several times. */
type OptionSpec = readonly [flags: string, about: string, many?: "many"];

/** A line of the command table. `run` answers with the exit status. */
export interface Command<Options = never> {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly summary: string;
  /** `[x]` may be left out, `<x>` may not, `[x...]` takes many. */
  readonly arguments?: readonly (readonly [name: string, about: string])[];
  readonly options?: readonly OptionSpec[];
  readonly example: string;
  readonly children?: readonly AnyCommand[];
  /** Positional arguments come in order: those that were left out as undefined, those that take many spread. */
  run?(cli: Cli, args: readonly string[], options: Options): Promise<number>;
}

export type AnyCommand = Omit<Command, "run"> & { run?(cli: Cli, args: readonly string[], options: never): Promise<number> };

/** Declares a command with the type of its options. */
export const command = <Options extends object = object>(spec: Command<Options>): AnyCommand => spec as AnyCommand;

/** The option that every listing takes. */
export const json = ["--json", "machine-readable, on standard output"] as const;
export const on = ["--on <SELECTOR>", "only hosts that this selector picks, such as tag=webserver"] as const;
