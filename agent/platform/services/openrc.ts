import { lstat, readdir, readFile } from "node:fs/promises";
import { failure } from "../failure.ts";
import { PathWatch } from "../files/watch.ts";
import { lastLines, runProgram } from "../program.ts";
import type { ListedService, ServicePlatform, ServiceReading } from "./platform.ts";

/** Where OpenRC keeps its scripts, runlevels and the states of services (rc_svcdir). */
export interface OpenrcFolders {
  readonly scripts: string;
  readonly runlevels: string;
  readonly state: string;
}
const folders: OpenrcFolders = { scripts: "/etc/init.d", runlevels: "/etc/runlevels", state: "/run/openrc" };
/** A service that was killed leaves its state file: it is found out by asking, this often. */
const lookMs = 5000;
const states = ["starting", "started", "stopping", "inactive", "failed"] as const;
type State = (typeof states)[number] | "stopped";

/** The name of a unit without `.service`; other types of units do not exist here. */
function scriptOf(unit: string): string {
  if (!unit.endsWith(".service")) throw failure("service/type", `Unable to look at ${unit}: OpenRC knows services alone`);
  const name = unit.slice(0, -".service".length);
  // Neither an option of rc-service nor a folder of /etc/init.d.
  if (/^[-.]/.test(name)) throw failure("service/name", `Unable to look at ${unit}: OpenRC has no service of such a name`);
  return name;
}

/** Services by rc-service and rc-update, their states by the files that OpenRC keeps. */
export function openrcServices(at: OpenrcFolders = folders): ServicePlatform {
  const run = async (verb: string, argv: readonly string[], signal?: AbortSignal): Promise<void> => {
    const result = await runProgram(argv, { timeoutMs: 300_000, signal });
    if (result.code !== 0)
      throw failure("service/job", `Unable to ${verb}: ${argv[0] ?? ""} ended with ${result.code ?? "a signal"}`, {
        detail: lastLines(result.output, 4096),
      });
  };
  const rcService = (unit: string, command: string, signal: AbortSignal): Promise<void> =>
    run(`${command} ${unit}`, ["rc-service", scriptOf(unit), command], signal);
  return {
    init: "openrc",
    read: (unit, dropIns) => read(at, unit, dropIns ?? []),
    async start(unit, signal) {
      // A crashed service still counts as started; zap forgets that, so that it can be started again.
      if ((await read(at, unit, [])).fact.active === "failed") await rcService(unit, "zap", signal);
      await rcService(unit, "start", signal);
    },
    stop: (unit, signal) => rcService(unit, "stop", signal),
    restart: (unit, signal) => rcService(unit, "restart", signal),
    async reload(unit, signal) {
      const script = await readFile(`${at.scripts}/${scriptOf(unit)}`, "utf8").catch(() => "");
      await rcService(unit, /\breload\b/.test(script) ? "reload" : "restart", signal);
    },
    async setEnabled(unit, enabled) {
      const name = scriptOf(unit);
      if (enabled) return run(`enable ${unit}`, ["rc-update", "--quiet", "add", name, "default"]);
      for (const level of await runlevelsOf(at, name)) await run(`disable ${unit}`, ["rc-update", "--quiet", "del", name, level]);
    },
    setDropIns: (unit) =>
      Promise.reject(
        failure("service/drop-in", `Unable to set drop-ins of ${unit}: OpenRC has none`, {
          hint: "Use a File resource for its file below /etc/conf.d",
        }),
      ),
    list: () => list(at),
    watch: (changed) => watch(at, changed),
    close: () => Promise.resolve(),
  };
}

async function read(at: OpenrcFolders, unit: string, dropIns: readonly string[]): Promise<ServiceReading> {
  const name = scriptOf(unit);
  const script = await mtime(`${at.scripts}/${name}`);
  const noDropIns = dropIns.length === 0 ? {} : { dropIns: Object.fromEntries(dropIns.map((dropIn) => [dropIn, null])) };
  if (script === undefined)
    return { fact: { unit, load: "not-found", active: "inactive", enabled: "", ...noDropIns }, id: unit, loadedAt: undefined };
  const { state, since, crashed } = await current(at, name);
  const enabled = (await runlevelsOf(at, name)).length > 0;
  const active =
    crashed || state === "failed"
      ? "failed"
      : state === "started"
        ? "active"
        : state === "starting"
          ? "activating"
          : state === "stopping"
            ? "deactivating"
            : "inactive";
  const changing = state === "starting" || state === "stopping";
  const started = active === "active" ? since : undefined;
  const fact = {
    unit,
    load: "loaded",
    active,
    sub: crashed ? "crashed" : state,
    enabled: enabled ? "enabled" : "disabled",
    ...(started === undefined ? {} : { since: started, invocation: String(started) }),
    ...(changing ? { changing } : {}),
    ...noDropIns,
  };
  return { fact, id: unit, loadedAt: started };
}

/** The state as OpenRC keeps it for its own scripts; a plain script of /etc/init.d is asked itself, since nothing is kept for it (Debian). */
async function current(at: OpenrcFolders, name: string): Promise<{ state: State; since: number | undefined; crashed: boolean }> {
  const script = await readFile(`${at.scripts}/${name}`, "utf8").catch(() => "");
  const own = /^#!.*openrc-run/.test(script);
  const kept = await stateOf(at, name);
  if (own && kept.state !== "started") return { ...kept, crashed: false };
  const { code } = await runProgram(["rc-service", name, "status"], { timeoutMs: 20_000 });
  if (own) return { ...kept, crashed: code === 32 };
  return code === 0
    ? { state: "started", since: await startOf(name), crashed: false }
    : { state: "stopped", since: undefined, crashed: false };
}

/** When the process of a service's pid file was started, from the kernel's ticks of 10 ms since boot (proc(5)). */
async function startOf(name: string): Promise<number | undefined> {
  const pid = (await readFile(`/run/${name}.pid`, "utf8").catch(() => "")).trim();
  if (!/^[0-9]+$/.test(pid)) return undefined;
  const [stat, boot] = await Promise.all([readFile(`/proc/${pid}/stat`, "utf8").catch(() => ""), readFile("/proc/stat", "utf8")]);
  const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  const bootedAt = /^btime (\d+)$/m.exec(boot)?.[1];
  return ticks === undefined || bootedAt === undefined ? undefined : Number(bootedAt) * 1000 + Number(ticks) * 10;
}

/** The state whose folder holds the service, with the time at which it was put there; `started` beside another one counts less. */
async function stateOf(at: OpenrcFolders, name: string): Promise<{ state: State; since: number | undefined }> {
  let found: { state: State; since: number | undefined } = { state: "stopped", since: undefined };
  for (const state of ["started", "inactive", "failed", "starting", "stopping"] as const) {
    const since = await mtime(`${at.state}/${state}/${name}`);
    if (since !== undefined) found = { state, since };
  }
  return found;
}

async function runlevelsOf(at: OpenrcFolders, name: string): Promise<string[]> {
  const levels = await readdir(at.runlevels).catch(() => []);
  const there = await Promise.all(levels.map((level) => mtime(`${at.runlevels}/${level}/${name}`)));
  return levels.filter((_, index) => there[index] !== undefined);
}

async function list(at: OpenrcFolders): Promise<ListedService[]> {
  const names = (await readdir(at.scripts).catch(() => [])).filter((name) => /^[\w@.:-]+$/.test(name) && !name.endsWith(".sh")).sort();
  return Promise.all(
    names.map(async (name) => {
      const { state } = await stateOf(at, name);
      const enabled = (await runlevelsOf(at, name)).length > 0 ? "enabled" : "disabled";
      return {
        unit: `${name}.service`,
        active: state === "started" ? "active" : state === "failed" ? "failed" : "inactive",
        sub: state,
        enabled,
        description: "",
      };
    }),
  );
}

const mtime = (path: string): Promise<number | undefined> =>
  lstat(path).then(
    (info) => Math.floor(info.mtimeMs),
    () => undefined,
  );

/** Watches the state and runlevel folders as such: a change inside may concern any service. */
async function watch(at: OpenrcFolders, changed: (id: string | undefined) => void): Promise<() => void> {
  const names = async (): Promise<string[]> => (await readdir(at.scripts).catch(() => [])).slice(0, 1000);
  const paths = (scripts: readonly string[]): string[] =>
    scripts.flatMap((name) => [
      ...states.map((state) => `${at.state}/${state}/${name}`),
      `${at.runlevels}/default/${name}`,
      `${at.runlevels}/boot/${name}`,
      `/run/${name}.pid`,
    ]);
  const files = new PathWatch((path) => changed(`${path.slice(path.lastIndexOf("/") + 1).replace(/\.pid$/, "")}.service`));
  await files.set(paths(await names()));
  const timer = setInterval(() => changed(undefined), lookMs).unref();
  return () => {
    clearInterval(timer);
    files.close();
  };
}
