import type { ProbeOutput } from "../../schemas/verbs/index.ts";
import { every } from "../platform/every.ts";
import { PathWatch } from "../platform/files/watch.ts";
import { hostConstants, hostFiles, readHost } from "../platform/host/read-host.ts";
import type { Dirty, Watcher } from "../runtime/verbs.ts";

/** What the host probe needs of the init system. */
export interface HostState {
  readonly init: "systemd" | "openrc" | "other";
  readonly shuttingDown: () => Promise<boolean>;
}

/** Probe `host`: what the machine is. */
export function probeHost(state: HostState): () => Promise<ProbeOutput<"host">> {
  let constants: ReturnType<typeof hostConstants> | undefined;
  return async () => readHost(state.init, await (constants ??= hostConstants()), await state.shuttingDown());
}

/** How often addresses, disks and the like, which tell nothing of their changes, are looked at. */
const lookMs = 30_000;

/** Watches what a host is by its files, and by a look now and then. */
export async function watchHost(dirty: Dirty<"host">): Promise<Watcher<"host">> {
  let on = false;
  const tell = (): void => {
    if (on) dirty({});
  };
  const watch = new PathWatch(tell);
  await watch.set(hostFiles);
  const stop = every(lookMs, tell);
  return {
    async set(inputs) {
      on = inputs.length > 0;
    },
    async close() {
      stop();
      watch.close();
    },
  };
}
