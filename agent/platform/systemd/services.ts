import { hostClock } from "../../runtime/clock.ts";
import { failure, reasonOf } from "../failure.ts";
import { lastLines, runProgram } from "../program.ts";
import type { ListedService, ServicePlatform } from "../services/platform.ts";
import type { SystemdBus } from "./bus.ts";
import { writeDropIns } from "./drop-ins.ts";
import { runJob } from "./job.ts";
import { tellFailures } from "./failures.ts";
import { readService, readUnit } from "./read.ts";
import { unitChanges } from "./unit-changes.ts";

/** A row of ListUnits: name, description, load, active, sub, … */
type ListedUnit = readonly [string, string, string, string, string, ...unknown[]];

/** Services by systemd's own D-Bus interface. */
export function systemdServices(bus: SystemdBus): ServicePlatform {
  const reread = async (): Promise<void> => void (await bus.call("Reload", "", [], {}, { timeoutMs: 120_000 }));
  /** A told start is never refused for earlier failures: without this the sixth restart within ten seconds ends in start-limit-hit. */
  const forgive = (unit: string): Promise<unknown> => bus.call("ResetFailedUnit", "s", [unit]).catch(() => undefined);
  return {
    init: "systemd",
    read: (unit, dropIns) => readService(bus, unit, dropIns),
    async start(unit, signal) {
      await forgive(unit);
      await runJob(bus, "StartUnit", unit, signal);
    },
    stop: (unit, signal) => runJob(bus, "StopUnit", unit, signal),
    async restart(unit, signal) {
      await forgive(unit);
      await runJob(bus, "RestartUnit", unit, signal);
    },
    async reload(unit, signal) {
      const { CanReload } = await readUnit(bus, unit);
      if (!CanReload) await forgive(unit);
      await runJob(bus, CanReload ? "ReloadUnit" : "RestartUnit", unit, signal);
    },
    setEnabled: (unit, enabled) => setEnabled(bus, unit, enabled, reread),
    async setDropIns(unit, dropIns) {
      await writeDropIns(unit, dropIns);
      // Also where nothing was to be written: an agent that was killed may have written them and not come this far.
      await reread();
    },
    reread,
    list: () => list(bus),
    watch: (changed) => watch(bus, changed),
    events: (emit) => tellFailures(bus, emit),
    close: () => bus.close(),
  };
}

async function setEnabled(bus: SystemdBus, unit: string, enabled: boolean, reload: () => Promise<unknown>): Promise<void> {
  const verb = enabled ? "enable" : "disable";
  const state = await bus.call<string>("GetUnitFileState", "s", [unit]).catch(() => "");
  if (state.startsWith("masked") && enabled)
    throw failure("service/masked", `Unable to enable ${unit}: it is masked`, { hint: `Unmask it first: systemctl unmask ${unit}` });
  if (state === "generated") return sysvEnable(unit, verb);
  try {
    if (enabled) {
      const [installs] = await callAll(bus, "EnableUnitFiles", "asbb", [[unit], false, true]);
      if (installs === false) throw new Error("its unit file has no [Install] section");
    } else await bus.call("DisableUnitFiles", "asb", [[unit], false]);
  } catch (cause) {
    throw failure("service/enable", `Unable to ${verb} ${unit}: ${reasonOf(cause)}`, { cause });
  }
  await reload();
}

/** A method with several answers resolves with all of them; dbus-native gives an array then, the plain value otherwise. */
async function callAll(bus: SystemdBus, member: string, signature: string, body: readonly unknown[]): Promise<readonly unknown[]> {
  const answer = await bus.call(member, signature, body);
  return Array.isArray(answer) ? answer : [answer];
}

/** Scripts of /etc/init.d are enabled by a program that only systemctl knows to call. */
async function sysvEnable(unit: string, verb: string): Promise<void> {
  const result = await runProgram(["systemctl", "--quiet", verb, "--", unit], { timeoutMs: 60_000 });
  if (result.code !== 0)
    throw failure("service/enable", `Unable to ${verb} ${unit}: systemctl ended with ${result.code}`, { detail: lastLines(result.output) });
}

async function list(bus: SystemdBus): Promise<ListedService[]> {
  const [units, files] = await Promise.all([
    bus.call<readonly ListedUnit[]>("ListUnits"),
    bus.call<readonly (readonly [string, string])[]>("ListUnitFiles", "", [], {}, { timeoutMs: 60_000 }),
  ]);
  const enabled = new Map(files.map(([path, state]) => [path.slice(path.lastIndexOf("/") + 1), state]));
  const listed = new Map<string, ListedService>();
  for (const [unit, description, , active, sub] of units)
    listed.set(unit, { unit, active, sub, enabled: enabled.get(unit) ?? "", description });
  for (const [unit, state] of enabled)
    if (!listed.has(unit) && !unit.includes("@."))
      listed.set(unit, { unit, active: "inactive", sub: "dead", enabled: state, description: "" });
  return [...listed.values()].sort((a, b) => (a.unit < b.unit ? -1 : 1));
}

/** Tells of units that may have changed; a lost connection means all. */
async function watch(bus: SystemdBus, changed: (id: string | undefined) => void): Promise<() => void> {
  const changes = unitChanges(changed, hostClock);
  const stops = [bus.onSignal(changes.signal), bus.onBack(() => changed(undefined)), () => changes.stop()];
  await bus.connect();
  return () => {
    for (const stop of stops) stop();
  };
}
