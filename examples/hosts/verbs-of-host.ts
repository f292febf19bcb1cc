import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { Problem } from "../../schemas/problem.ts";
import type { ActionInput, ActionName, ProbeInput, ProbeName, ProbeOutput } from "../../schemas/verbs/index.ts";
import type { Host } from "../lab/lab.ts";
import type { Answer, Call } from "./call-verbs.ts";

const root = resolve(import.meta.dirname, "../..");
const script = fileURLToPath(new URL("../lab/lab.sh", import.meta.url));

/** An action or probe of the agent that did not succeed. */
export class Refused extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super([problem.summary, problem.detail, problem.hint].filter((text) => text !== undefined).join("\n"));
    this.name = "Refused";
    this.problem = problem;
  }
}

/** The agent's verbs on a host, called one by one without a controller. Calls that fail reject with Refused. */
export interface HostVerbs {
  probe<N extends ProbeName>(verb: N, input: ProbeInput<N>): Promise<ProbeOutput<N>>;
  act<N extends ActionName>(verb: N, input: ActionInput<N>): Promise<string | null>;
  /** The times at which what is watched may have changed, in milliseconds; the list grows. Resolves once it is watched. */
  watch<N extends ProbeName>(verb: N, input: ProbeInput<N>): Promise<number[]>;
  /** Ends the program once it has answered. */
  close(): Promise<void>;
  /** Kills it, as a crash would. */
  kill(): Promise<void>;
}

/** Bundles the agent's verbs and starts them on a host, by this machine's Node; validators run by the compiled agent. All actions are one step where `step` says which. */
export async function verbsOf(host: Host, step?: string): Promise<HostVerbs> {
  const folder = await mkdtemp(join(tmpdir(), "verbs-"));
  const program = join(folder, "call-verbs.cjs");
  await build({
    entryPoints: [join(import.meta.dirname, "call-verbs.ts")],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "cjs",
    logLevel: "warning",
    mainFields: ["module", "main"],
    external: ["bufferutil", "utf-8-validate"],
  });
  await host.push(program, "/opt/verbs/call-verbs.cjs");
  await host.push(process.execPath, "/opt/verbs/node");
  await host.push(join(root, "dist/agent-linux-x64"), "/opt/verbs/ai-agent");
  await rm(folder, { recursive: true });
  const argv = [
    "exec",
    host.name,
    "--",
    "/opt/verbs/node",
    "/opt/verbs/call-verbs.cjs",
    "/opt/verbs/ai-agent",
    ...(step === undefined ? [] : [step]),
  ];
  const child = spawn("bash", [script, ...argv], { stdio: ["pipe", "pipe", "inherit"] });
  return speakTo(child);
}

function speakTo(
  child: ChildProcess & { readonly stdin: NodeJS.WritableStream | null; readonly stdout: NodeJS.ReadableStream | null },
): HostVerbs {
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new TypeError("verbs: no pipes");
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (cause: Error) => void }>();
  const dirty = new Map<number, number[]>();
  let last = 0;
  createInterface({ input: stdout }).on("line", (line) => {
    const answer = JSON.parse(line) as Answer;
    if ("dirty" in answer) return void dirty.get(answer.id)?.push(answer.dirty);
    const call = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ("problem" in answer) call?.reject(new Refused(answer.problem as Problem));
    else call?.resolve(answer.output);
  });
  const over = new Promise<void>((done) => child.once("exit", () => done()));
  void over.then(() => {
    for (const { reject } of waiting.values()) reject(new Error("the program that calls verbs ended"));
  });
  const call = (what: Call["do"], verb: string, input: unknown, id = (last += 1)): Promise<unknown> =>
    new Promise((done, reject) => {
      waiting.set(id, { resolve: done, reject });
      stdin.write(`${JSON.stringify({ id, do: what, verb, input } satisfies Call)}\n`);
    });
  return {
    probe: (verb, input) => call("probe", verb, input) as never,
    act: (verb, input) => call("act", verb, input) as never,
    async watch(verb, input) {
      const times: number[] = [],
        id = (last += 1);
      dirty.set(id, times);
      await call("watch", verb, input, id);
      return times;
    },
    async close() {
      stdin.end();
      await over;
    },
    async kill() {
      child.kill("SIGKILL");
      await over;
    },
  };
}
