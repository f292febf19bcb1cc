import { readdir } from "node:fs/promises";
import { PathWatch } from "../files/watch.ts";
import type { OpenrcFolders } from "./openrc.ts";
import { isAlive, notedProcesses, pidFilesOf } from "./openrc-processes.ts";

/** How often everything is looked at: services that have no pid file, and scripts that were added. */
const lookMs = 5000;
/** How often the processes of services are asked for: OpenRC tells nobody that one ended, and a signal 0 costs a microsecond. */
const aliveMs = 200;
const most = 1000;
const states = ["starting", "started", "stopping", "inactive", "failed"] as const;

/** Watches what OpenRC notes about its services, and their processes. Tells the unit that may have changed; undefined: any may have. */
export async function watchOpenrc(at: OpenrcFolders, changed: (id: string | undefined) => void): Promise<() => void> {
  const nameOf = new Map<string, string>();
  const running = new Map<string, readonly number[]>();
  let closed = false;

  const pidsOf = async (name: string): Promise<void> => {
    const { main, supervisor } = await notedProcesses(at.state, at.scripts, name);
    const alive = [main, supervisor].filter((pid): pid is number => pid !== undefined && isAlive(pid));
    if (alive.length === 0) running.delete(name);
    else running.set(name, alive);
  };
  const files = new PathWatch((path) => {
    const name = nameOf.get(path);
    if (name === undefined) return;
    void pidsOf(name);
    changed(`${name}.service`);
  });
  const look = async (): Promise<void> => {
    const names = (await readdir(at.scripts).catch(() => [])).slice(0, most);
    nameOf.clear();
    for (const name of names) {
      const notes = [...states.map((state) => `${at.state}/${state}/${name}`), `${at.state}/options/${name}/child_pid`];
      const levels = ["default", "boot", "sysinit"].map((level) => `${at.runlevels}/${level}/${name}`);
      for (const path of [`${at.scripts}/${name}`, ...notes, ...levels, ...(await pidFilesOf(at.state, at.scripts, name))])
        nameOf.set(path, name);
      await pidsOf(name);
    }
    if (!closed) await files.set(nameOf.keys());
  };
  await look();
  let looking = Promise.resolve();
  const looks = setInterval(() => {
    looking = looking.then(look).catch(() => undefined);
    changed(undefined);
  }, lookMs).unref();
  const alives = setInterval(() => {
    for (const [name, pids] of running)
      if (!pids.every(isAlive)) {
        running.delete(name);
        void pidsOf(name);
        changed(`${name}.service`);
      }
  }, aliveMs).unref();
  return () => {
    closed = true;
    clearInterval(looks);
    clearInterval(alives);
    files.close();
  };
}
