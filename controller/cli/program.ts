import { Command, CommanderError, Option } from "commander";
import { nearest } from "../../schemas/selector/nearest.ts";
import type { AnyCommand, Cli, Target } from "./command.ts";
import { usage } from "./usage.ts";

/** What the program is run with. `enter` makes the world of a command once the global options are known. */
interface Frame {
  readonly version: string;
  readonly enter: (target: Target) => Cli;
  readonly done: (code: number) => void;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** The command table as a commander program; usage mistakes come out as CommanderErrors. */
export function createProgram(table: readonly AnyCommand[], frame: Frame): Command {
  const program = new Command("backend-ai")
    .description("What you say your servers should be: planned, approved, carried out, watched.")
    .version(frame.version)
    .option("--server <URL>", "the controller (BACKEND_AI_SERVER)")
    .option("--context <NAME>", "a controller that you know (BACKEND_AI_CONTEXT)");
  dress(program, frame);
  for (const spec of table) program.addCommand(subcommand(spec, "backend-ai", program, frame));
  return program;
}

function dress(to: Command, { out, err }: Frame): Command {
  return to
    .exitOverride()
    .configureOutput({ writeOut: out, writeErr: err, outputError: () => undefined })
    .configureHelp({ sortSubcommands: false, showGlobalOptions: true, helpWidth: 110, visibleGlobalOptions })
    .helpOption("-h, --help", "this text");
}

/** What says which controller: the options of a parent command are not its children's. */
function visibleGlobalOptions(command: Command): Option[] {
  let root = command;
  while (root.parent !== null) root = root.parent;
  return root === command ? [] : root.options.filter(({ long }) => long !== "--version");
}

function subcommand(spec: AnyCommand, path: string, program: Command, frame: Frame): Command {
  const made = dress(new Command(spec.name), frame).description(spec.summary);
  for (const alias of spec.aliases ?? []) made.alias(alias);
  for (const [name, about] of spec.arguments ?? []) made.argument(name, about);
  for (const [flags, about, many] of spec.options ?? []) {
    const option = new Option(flags, about);
    if (many !== undefined) option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
    made.addOption(option);
  }
  made.addHelpText("after", `\nExample:\n  ${spec.example}`);
  for (const child of spec.children ?? []) made.addCommand(subcommand(child, `${path} ${spec.name}`, program, frame));
  const { run } = spec;
  if (run === undefined) return made;
  // A parent that does something itself would take a misspelt sub-command for an argument.
  if (spec.children !== undefined) made.allowExcessArguments(true);
  return made.action(async () => {
    const [excess] = spec.children === undefined ? [] : made.args.slice(spec.arguments?.length ?? 0);
    if (excess !== undefined) throw unknownChild(excess, spec, path);
    // An option that a parent has too is the parent's to commander, wherever it stands.
    const cli = frame.enter(program.opts<Target>());
    frame.done(await run(cli, made.processedArgs.flat().filter((arg) => arg !== undefined) as string[], made.optsWithGlobals() as never));
  });
}

function unknownChild(word: string, spec: AnyCommand, path: string): Error {
  const names = (spec.children ?? []).map((child) => child.name),
    meant = nearest(word, names);
  return usage(
    `unknown command '${word}'`,
    meant === undefined ? `\`${path} ${spec.name}\` has: ${names.join(", ")}.` : `Did you mean ${meant}?`,
  );
}

/** Whether an error of commander only ends it: help and version were printed. */
export const isPrinted = (cause: unknown): boolean => cause instanceof CommanderError && cause.exitCode === 0;

/** The command that the first words of a command line name, for its help. */
export function commandPath(program: Command, args: readonly string[]): string {
  const words = ["backend-ai"];
  for (let at: Command | undefined = program, i = 0; i < args.length; i++) {
    at = at.commands.find((one) => one.name() === args[i] || one.aliases().includes(args[i] ?? ""));
    if (at === undefined) break;
    words.push(at.name());
  }
  return words.join(" ");
}

/** A usage mistake as commander found it, in our words: what is wrong, and the nearest that there is, or the help of the command at `path`. */
export function usageProblem(cause: CommanderError, path: string): ReturnType<typeof usage> {
  const [said = "", ...hints] = cause.message.replace(/^error: /, "").split("\n");
  const meant = /Did you mean (?:one of )?(.+)\?/.exec(hints.join(" "))?.[1];
  return usage(said, meant === undefined ? `See \`${path} --help\`.` : `Did you mean ${meant}?`);
}
