import type { By, Dirty, Verbs, Watcher } from "../../../agent/runtime/verbs.ts";
import type { ProbeInput, ProbeName } from "../../../schemas/verbs/index.ts";
import { unitName } from "../host/units.ts";
import type { PretendHost, WorldChange } from "../pretend-host.ts";

/** Watchers of a pretend host: each change of the pretend world marks what it touches. */
export function pretendWatchers(host: PretendHost): Verbs["watchers"] {
  return {
    service: async (dirty) => watch(host, "service", ({ unit }) => unitName(host, unit), dirty),
    file: async (dirty) => watchFiles(host, dirty),
    package: async (dirty) => watch(host, "package", ({ name }) => name.replace(/:[a-z0-9-]+$/, ""), dirty),
    host: async (dirty) => watch(host, "host", () => "", dirty),
    owned: async (dirty) => watch(host, "owned", () => "", dirty),
    metrics: async (dirty) => watchMetrics(host, dirty),
  };
}

/** Calls `dirty` in the same turn for the inputs whose key changed, or for all of them where the change names none. */
function watch<N extends ProbeName>(host: PretendHost, probe: N, keyOf: (input: ProbeInput<N>) => string, dirty: Dirty<N>): Watcher<N> {
  const inputs = new Map<string, ProbeInput<N>[]>();
  const changed = (change: WorldChange): void => {
    if (change.probe !== probe) return;
    const touched = change.key === undefined ? [...inputs.values()].flat() : (inputs.get(change.key) ?? []);
    for (const input of touched) report(dirty, input, change.by);
  };
  host.watchers.add(changed);
  return {
    async set(wanted) {
      inputs.clear();
      for (const input of wanted) inputs.set(keyOf(input), [...(inputs.get(keyOf(input)) ?? []), input]);
    },
    async close() {
      host.watchers.delete(changed);
    },
  };
}

const report = <N extends ProbeName>(dirty: Dirty<N>, input: ProbeInput<N>, by: By | undefined): void =>
  by === undefined ? dirty(input) : dirty(input, by);

/** A file's fact tells which units have yet to load it, so it may change with any of them. */
function watchFiles(host: PretendHost, dirty: Dirty<"file">): Watcher<"file"> {
  let all: readonly ProbeInput<"file">[] = [];
  const watcher = watch(host, "file", ({ path }) => path, dirty);
  const loaded = ({ probe }: WorldChange): void => {
    if (probe === "service") for (const input of all) dirty(input);
  };
  host.watchers.add(loaded);
  return {
    async set(wanted) {
      all = wanted;
      await watcher.set(wanted);
    },
    async close() {
      host.watchers.delete(loaded);
      await watcher.close();
    },
  };
}

function watchMetrics(host: PretendHost, dirty: Dirty<"metrics">): Watcher<"metrics"> {
  const watcher = watch(host, "metrics", () => "", dirty);
  let wanted: readonly ProbeInput<"metrics">[] = [],
    cancel = (): void => undefined;
  const again = (): void => {
    cancel = host.clock.after(host.metricsEveryMs, () => {
      for (const input of wanted) dirty(input);
      again();
    });
  };
  return {
    async set(inputs) {
      wanted = inputs;
      cancel();
      if (inputs.length > 0 && host.metricsEveryMs > 0) again();
      await watcher.set(inputs);
    },
    async close() {
      cancel();
      await watcher.close();
    },
  };
}
