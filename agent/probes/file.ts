import type { ProbeInput, ProbeOutput } from "../../schemas/verbs/index.ts";
import type { Dirty, ProbeContext, Watcher } from "../runtime/verbs.ts";
import type { Accounts } from "../platform/files/accounts.ts";
import { readFact } from "../platform/files/read.ts";
import { PathWatch } from "../platform/files/watch.ts";
import type { Loads } from "../platform/services/loads.ts";
import { whoNamed } from "../platform/who.ts";

/** Probe `file`: the path as it is, and the units that have not loaded it since we changed it. */
export const probeFile =
  (accounts: Accounts) =>
  async (input: ProbeInput<"file">, context: ProbeContext): Promise<ProbeOutput<"file">> => {
    const fact = await readFact(input, accounts, context.sealKey, context.signal);
    const due = context.memory
      .marks()
      .filter((mark) => mark.path === input.path)
      .map((mark) => mark.unit);
    return due.length === 0 ? fact : { ...fact, due: due.toSorted() };
  };

/** Watches files by inotify, and units that load them (which changes `due`); who changed one is told in a second call, if sudo's log says so. */
export async function watchFiles(dirty: Dirty<"file">, loads: Loads): Promise<Watcher<"file">> {
  const inputs = new Map<string, ProbeInput<"file">[]>();
  const watch = new PathWatch((path) => {
    for (const input of inputs.get(path) ?? []) dirty(input);
    void whoNamed(path).then((by) => {
      if (by !== undefined) for (const input of inputs.get(path) ?? []) dirty(input, by);
    });
  });
  const stop = loads.onForgotten((paths) => {
    for (const path of paths) for (const input of inputs.get(path) ?? []) dirty(input);
  });
  return {
    async set(wanted) {
      inputs.clear();
      for (const input of wanted) inputs.set(input.path, [...(inputs.get(input.path) ?? []), input]);
      await watch.set(inputs.keys());
    },
    async close() {
      stop();
      watch.close();
    },
  };
}
