import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("lab.sh", import.meta.url));

/** What a command left behind: its exit status (null: ended by a signal, or not started) and its whole output. */
export type Outcome = { code: number | null; stdout: string; stderr: string };

/** `reject: false` returns a failure as an outcome, `input` is given to the command's standard input, `timeout` is in ms. */
export type ExecOptions = { reject?: boolean; input?: string; timeout?: number };

/** A command failed; carries what was run and everything it said. */
export class CommandFailed extends Error implements Outcome {
  readonly command: readonly string[];
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;

  constructor(command: readonly string[], { code, stdout, stderr }: Outcome, options?: ErrorOptions) {
    super(
      `Unable to run ${command.map((word) => JSON.stringify(word)).join(" ")}: exit status ${code}\n${stderr || stdout}`.trimEnd(),
      options,
    );
    this.name = "CommandFailed";
    this.command = command;
    this.code = code;
    this.stdout = stdout;
    this.stderr = stderr;
  }
}

/** Runs one lab.sh command and returns what it printed, without the last line end. */
export async function lab(...args: string[]): Promise<string> {
  return (await run(args)).stdout.trimEnd();
}

/** Boots h1 to hN and returns them; hosts that exist keep what they hold, `os` is the init of those that do not. */
export async function up(count: number, { os }: { os?: "systemd" | "openrc" } = {}): Promise<Host[]> {
  await run(["up", String(count)], {}, os ? { LAB_OS: os } : {});
  return Array.from({ length: count }, (_, index) => host(`h${index + 1}`));
}

/** Removes every host and the network; keeps the base, so that the next `up` is quick. */
export async function down(): Promise<void> {
  await lab("down");
}

/** The address where programs started by `netSpawn` can listen for the hosts. */
export async function gateway(): Promise<string> {
  return lab("gateway");
}

/** Starts a long-running program of this machine on the lab's network; the child's pid is the program's own. */
export function netSpawn(argv: readonly string[], options: SpawnOptions = {}): ChildProcess {
  return spawn("bash", [script, "net", "--", ...argv], options);
}

/** Starts a long-running program in a host; it ends with the child. */
export function hostSpawn(name: string, argv: readonly string[], options: SpawnOptions = {}): ChildProcess {
  return spawn("bash", [script, "exec", name, "--", ...argv], options);
}

export type Host = ReturnType<typeof host>;

/** The handle of one host, which need not exist yet. */
export function host(name: string) {
  return {
    name,
    /** The host's address on the lab's network. */
    get ip(): string {
      return execFileSync("bash", [script, "ip", name], { encoding: "utf8" }).trimEnd();
    },
    /** Runs a command as root; rejects with CommandFailed unless the last argument is `{ reject: false }`. */
    async exec(...args: readonly (string | ExecOptions)[]): Promise<Outcome> {
      const last = args.at(-1);
      const options = typeof last === "object" ? last : {};
      const argv = args.filter((arg) => typeof arg === "string");
      return run(["exec", name, "--", ...argv], options);
    },
    /** Copies a file, or the contents of a folder, of this machine to a path on the host. */
    push: (source: string, destination: string) => lab("push", name, source, destination),
    /** Drops every packet from and to the host, as a pulled cable that nobody notices. */
    cut: () => lab("cut", name),
    /** Undoes `cut`. */
    heal: () => lab("heal", name),
    /** Cuts the power. */
    kill: () => lab("kill", name),
    /** Boots the host and waits until it is up. */
    start: () => lab("start", name),
    /** Shuts the host down in order. */
    stop: () => lab("stop", name),
    /** Reboots the host in order and waits until it is up. */
    reboot: () => lab("reboot", name),
  };
}

function run(args: string[], { reject = true, input = "", timeout }: ExecOptions = {}, env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  return new Promise((resolve, fail) => {
    const child = spawn("bash", [script, ...args], { env: { ...process.env, ...env }, ...(timeout === undefined ? {} : { timeout }) });
    const output = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
    child.on("error", (cause) => fail(new CommandFailed(["lab.sh", ...args], { code: null, ...output }, { cause })));
    child.on("close", (code) => {
      const outcome = { code, ...output };
      if (code === 0 || !reject) resolve(outcome);
      else fail(new CommandFailed(["lab.sh", ...args], outcome));
    });
    child.stdin.on("error", () => {}); // the command may end without reading it all
    child.stdin.end(input);
  });
}
