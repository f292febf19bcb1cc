import { lstat, readdir, readFile } from "node:fs/promises";
import { failure } from "../failure.ts";
import { lastLines, runProgram } from "../program.ts";
import { isAlive, notedProcesses, startOf } from "./openrc-processes.ts";
import { watchOpenrc } from "./openrc-watch.ts";
import type { ListedService, ServicePlatform, ServiceReading } from "./platform.ts";

/** Where OpenRC keeps its scripts, runlevels and the states of services (rc_svcdir). */
export interface OpenrcFolders {
  readonly scripts: string;
  readonly runlevels: string;
  readonly state: string;
}
const folders: OpenrcFolders = { scripts: "/etc/init.d", runlevels: "/etc/runlevels", state: "/run/openrc" };
type State = "starting" | "started" | "stopping" | "inactive" | "failed" | "stopped";

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
    reread: () => Promise.resolve(),
    list: () => list(at),
    watch: (changed) => watchOpenrc(at, changed),
    close: () => Promise.resolve(),
  };
}

async function read(at: OpenrcFolders, unit: string, dropIns: readonly string[]): Promise<ServiceReading> {
  const name = scriptOf(unit);
  const script = await mtime(`${at.scripts}/${name}`);
  const noDropIns = dropIns.length === 0 ? {} : { dropIns: Object.fromEntries(dropIns.map((dropIn) => [dropIn, null])) };
  if (script === undefined)
    return {
      fact: { unit, load: "not-found", active: "inactive", enabled: "", ...noDropIns },
      id: unit,
      loadedAt: undefined,
      startedAt: undefined,
    };
  const { state, since, crashed, pid } = await current(at, name);
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
    ...(started === undefined ? {} : { since: started, invocation: pid === undefined ? String(started) : `${started}.${pid}` }),
    ...(pid === undefined ? {} : { mainPid: pid }),
    ...(changing ? { changing } : {}),
    ...noDropIns,
  };
  return { fact, id: unit, loadedAt: started, startedAt: started };
}

interface Current {
  readonly state: State;
  readonly since: number | undefined;
  readonly crashed: boolean;
  readonly pid?: number;
}

/**
 * The state as OpenRC keeps it for its own scripts, checked against their processes: where another start-stop-daemon than its own is
 * installed (Debian) it goes on to call a dead service started. A plain script of /etc/init.d is asked itself, since nothing is kept for it.
 */
async function current(at: OpenrcFolders, name: string): Promise<Current> {
  const script = await readFile(`${at.scripts}/${name}`, "utf8").catch(() => "");
  const own = /^#!.*openrc-run/.test(script);
  const kept = await stateOf(at, name);
  if (own && kept.state !== "started") return { ...kept, crashed: false };
  const { main, supervisor } = await notedProcesses(at.state, at.scripts, name);
  const alive = main !== undefined && isAlive(main);
  const startedAt = alive ? await startOf(main) : undefined;
  const pid = alive ? { pid: main } : {};
  if (own && alive) {
    // The supervisor started it again since OpenRC put it there.
    const again = startedAt !== undefined && kept.since !== undefined && startedAt - kept.since > 2000;
    return { state: "started", since: again ? startedAt : kept.since, crashed: false, ...pid };
  }
  if (own && main !== undefined)
    return supervisor !== undefined && isAlive(supervisor)
      ? { state: "starting", since: kept.since, crashed: false }
      : { state: "started", since: kept.since, crashed: true };
  const { code } = await runProgram(["rc-service", name, "status"], { timeoutMs: 20_000 });
  if (own) return { ...kept, crashed: code === 32 };
  return code === 0
    ? { state: "started", since: startedAt, crashed: false, ...pid }
    : { state: "stopped", since: undefined, crashed: false };
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
