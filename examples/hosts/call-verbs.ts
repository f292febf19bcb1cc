import { generateKeyPairSync } from "node:crypto";
import { createInterface } from "node:readline";
import { ProblemError } from "../../schemas/problem.ts";
import type { ActionName, ProbeName } from "../../schemas/verbs/index.ts";
import { hostClock } from "../../agent/runtime/clock.ts";
import type { ActionContext, Watcher } from "../../agent/runtime/verbs.ts";
import { readMachine } from "../../agent/runtime/machine.ts";
import { volatileMemory } from "../../agent/runtime/volatile-memory.ts";
import type { OwnAgent } from "../../agent/update/own-agent.ts";
import { linuxVerbs } from "../../agent/verbs-linux.ts";

/** What this program is asked on a line of its standard input: to probe, to act, or to watch. */
export interface Call {
  readonly id: number;
  readonly do: "probe" | "act" | "watch";
  readonly verb: string;
  readonly input: unknown;
}

/** What it answers on a line: an output, a problem, or that something which is watched may have changed. */
export type Answer =
  | { readonly id: number; readonly output: unknown; readonly progress?: readonly string[] }
  | {
      readonly id: number;
      readonly problem: {
        readonly code: string;
        readonly summary: string;
        readonly detail?: string;
        readonly hint?: string;
        readonly retry?: string;
      };
    }
  | { readonly id: number; readonly dirty: number };

type Handler = (input: never, context: ActionContext) => Promise<unknown>;

/** The agent's verbs alone, without a controller: `call-verbs AGENT [STEP]` reads calls until its input ends. AGENT is the program that validators are run by; STEP the id of every action. */
async function main(agent: string): Promise<void> {
  const memory = volatileMemory(hostClock);
  const own: OwnAgent = {
    version: "0.0.0",
    variant: "agent.cjs",
    platform: readMachine().platform,
    installation: undefined,
    onTrial: undefined,
    key: generateKeyPairSync("ed25519").publicKey,
    fetch: () => Promise.reject(new Error("there is no controller")),
    restart: () => {},
    onChange: () => () => {},
  };
  const verbs = await linuxVerbs({ stateDir: "/var/lib/call-verbs", memory, own, self: [agent] });
  const tell = (answer: Answer): unknown => process.stdout.write(`${JSON.stringify(answer)}\n`);
  const watchers: Watcher<ProbeName>[] = [];
  const context = (id: number, progress: string[]): ActionContext => ({
    memory,
    signal: AbortSignal.timeout(300_000),
    sealKey: undefined,
    step: process.argv[3] ?? `call-${process.pid}-${id}`,
    resource: "Test/call",
    progress: (text) => void progress.push(text),
    accepts: async () => undefined,
  });
  async function answer({ id, do: what, verb, input }: Call): Promise<void> {
    const progress: string[] = [];
    try {
      if (what === "watch") {
        const make = verbs.watchers[verb as ProbeName] as ((dirty: () => void) => Promise<Watcher<ProbeName>>) | undefined;
        if (make === undefined) throw new Error(`no watcher ${verb}`);
        const watcher = await make(() => tell({ id, dirty: Date.now() }));
        watchers.push(watcher);
        await watcher.set([input as never]);
        tell({ id, output: "watching" });
        return;
      }
      const handler = (what === "probe" ? verbs.probes[verb as ProbeName] : verbs.actions[verb as ActionName]) as Handler;
      tell({ id, output: (await handler(input as never, context(id, progress))) ?? null, progress });
    } catch (failure) {
      const first = failure instanceof ProblemError ? failure.problems[0] : undefined;
      if (first === undefined) throw failure;
      tell({ id, problem: first });
    }
  }
  const working: Promise<void>[] = [];
  for await (const line of createInterface({ input: process.stdin })) working.push(answer(JSON.parse(line) as Call));
  await Promise.all(working);
  for (const watcher of watchers) await watcher.close();
  await verbs.close();
}

if (process.argv[2] !== undefined) void main(process.argv[2]).then(() => process.exit(0));
