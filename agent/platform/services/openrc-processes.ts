import { readdir, readFile } from "node:fs/promises";

/** What OpenRC noted about a service's processes: the one that does the work, and the supervisor that starts it again. */
export interface NotedProcesses {
  readonly main: number | undefined;
  readonly supervisor: number | undefined;
}

const text = (path: string): Promise<string> => readFile(path, "utf8").catch(() => "");

/** The process id in a file; undefined where there is none. */
async function pidIn(path: string): Promise<number | undefined> {
  const pid = Number((await text(path)).trim().split("\n")[0]);
  return Number.isSafeInteger(pid) && pid > 1 ? pid : undefined;
}

/** Paths that a script names as its pid file: `/run/sshd.pid`, `/var/run/x/y.pid`; the first one of each. */
export const pidFilesIn = (script: string): string[] => [...new Set(script.match(/(?<![\w$}/])(?:\/var)?\/run\/[\w.@/-]+\.pid\b/g) ?? [])];

/**
 * Where the process ids of a service are: what OpenRC wrote down when it started it (rc_svcdir: options/NAME/pidfile, daemons/NAME/001),
 * the files that a script of another init names, and the one that most have.
 */
export async function pidFilesOf(state: string, scripts: string, name: string): Promise<string[]> {
  const noted = (await text(`${state}/options/${name}/pidfile`)).trim();
  const daemons = await readdir(`${state}/daemons/${name}`).catch(() => []);
  const recorded = await Promise.all(
    daemons.slice(0, 20).map(async (file) => /^pidfile=(.+)$/m.exec(await text(`${state}/daemons/${name}/${file}`))?.[1] ?? ""),
  );
  const known = [noted, ...recorded].filter((path) => path.startsWith("/"));
  return known.length > 0 ? [...new Set(known)] : [...new Set([...pidFilesIn(await text(`${scripts}/${name}`)), `/run/${name}.pid`])];
}

/** The processes of a service by its pid files, whether or not they still run. */
export async function notedProcesses(state: string, scripts: string, name: string): Promise<NotedProcesses> {
  const child = await pidIn(`${state}/options/${name}/child_pid`);
  const files = await Promise.all((await pidFilesOf(state, scripts, name)).map(pidIn));
  const first = files.find((pid) => pid !== undefined);
  return child === undefined ? { main: first, supervisor: undefined } : { main: child, supervisor: first };
}

/** Whether a process is there; one that may not be signalled is. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** When a process was started, from the kernel's ticks of 10 ms since boot (proc(5)); exact to a second. */
export async function startOf(pid: number): Promise<number | undefined> {
  const [stat, boot] = await Promise.all([text(`/proc/${pid}/stat`), text("/proc/stat")]);
  const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  const bootedAt = /^btime (\d+)$/m.exec(boot)?.[1];
  return ticks === undefined || bootedAt === undefined ? undefined : Number(bootedAt) * 1000 + Number(ticks) * 10;
}
