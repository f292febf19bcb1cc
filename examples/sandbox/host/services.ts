import { failure } from "../../../agent/platform/failure.ts";
import type { By } from "../../../agent/runtime/verbs.ts";
import type { PretendHost, UnitState } from "../pretend-host.ts";
import { answerOf, dialectStart, testConfiguration } from "./configuration.ts";
import { filesUnder } from "./files.ts";
import type { UnitDefinition } from "./parts.ts";
import { stateOf, unitOn, unitsOf } from "./units.ts";
import { log, take, tell } from "./world.ts";

/** Who does it, and until when it may take. */
export interface Doing {
  readonly by?: By | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Starts a unit that does not run. Fails as systemd does: unknown, masked, configuration wrong, port taken. */
export async function startUnit(host: PretendHost, name: string, doing: Doing = {}): Promise<void> {
  const definition = mustHave(host, "start", name);
  if (stateOf(host, definition).active !== "active") await bringUp(host, definition, "start", doing);
}

export async function stopUnit(host: PretendHost, name: string, doing: Doing = {}): Promise<void> {
  const definition = mustHave(host, "stop", name),
    { active } = stateOf(host, definition);
  if (active === "active") {
    if (host.pace > 0) setState(host, definition, { active: "deactivating" }, doing.by);
    await take(host, 80, `stop ${name}`, doing.signal);
    log(host, definition.unit, 6, `Stopped ${definition.unit} - ${definition.description}.`);
  }
  if (active !== "inactive") setState(host, definition, { active: "inactive", result: "success" }, doing.by);
}

export async function restartUnit(host: PretendHost, name: string, doing: Doing = {}): Promise<void> {
  await bringUp(host, mustHave(host, "restart", name), "restart", doing);
}

/** Reloads a running unit, restarts one that cannot reload, leaves one alone that does not run. */
export async function reloadUnit(host: PretendHost, name: string, doing: Doing = {}): Promise<void> {
  const definition = mustHave(host, "reload", name);
  if (stateOf(host, definition).active !== "active") return;
  if (!definition.reloads) return bringUp(host, definition, "restart", doing);
  await take(host, 60, `reload ${name}`, doing.signal);
  const wrong = whyNotLoad(host, definition);
  if (wrong !== undefined) {
    log(host, definition.unit, 3, wrong);
    throw failure("service/job", `Unable to reload ${name}: the unit is active (running)`, { detail: wrong });
  }
  log(host, definition.unit, 6, `Reloaded ${definition.unit} - ${definition.description}.`);
  const { reloads = 0 } = stateOf(host, definition);
  setState(host, definition, { loadedAt: host.clock.now(), reloads: reloads + 1, serves: servedBy(host, definition) }, doing.by);
}

export function enableUnit(host: PretendHost, name: string, enabled: boolean, by?: By): void {
  const definition = mustHave(host, enabled ? "enable" : "disable", name),
    state = stateOf(host, definition);
  if (state.enabled === "masked" && enabled)
    throw failure("service/masked", `Unable to enable ${name}: it is masked`, { hint: `Unmask it first: systemctl unmask ${name}` });
  if (state.enabled === "static" && enabled)
    throw failure("service/enable", `Unable to enable ${name}: its unit file has no [Install] section`);
  const goal = enabled ? "enabled" : "disabled";
  if (state.enabled !== goal && state.enabled !== "static" && state.enabled !== "masked") setState(host, definition, { enabled: goal }, by);
}

/** Writes drop-ins (null removes one); a running unit goes on as it was started. */
export function setDropIns(host: PretendHost, name: string, wanted: Readonly<Record<string, string | null>>, by?: By): void {
  if (host.image.system.init !== "systemd")
    throw failure("service/drop-ins", `Unable to override ${name}: this host's init system has no drop-ins`);
  if (unitOn(host, name) === undefined && Object.values(wanted).every((text) => text === null)) return;
  const definition = mustHave(host, "override", name),
    texts: Record<string, string> = { ...stateOf(host, definition).dropIns };
  for (const [drop, text] of Object.entries(wanted)) {
    if (text === null) delete texts[drop];
    else texts[drop] = text;
  }
  setState(host, definition, { dropIns: texts }, by);
}

/** Ends a running unit from outside, as `kill -9` of its process does. */
export function killUnit(host: PretendHost, name: string, by?: By): void {
  const definition = mustHave(host, "kill", name);
  if (stateOf(host, definition).active !== "active") throw failure("sandbox/not-running", `Unable to kill ${name}: it does not run`);
  log(host, definition.unit, 5, `${definition.unit}: Main process exited, code=killed, status=9/KILL`);
  log(host, definition.unit, 4, `${definition.unit}: Failed with result 'signal'.`);
  setState(host, definition, { active: "failed", result: "signal" }, by);
}

/** Masks a unit: nothing can start it until it is unmasked. A running one goes on. */
export function maskUnit(host: PretendHost, name: string, masked: boolean, by?: By): void {
  const definition = mustHave(host, masked ? "mask" : "unmask", name);
  setState(host, definition, { enabled: masked ? "masked" : definition.enabled }, by);
}

/** Starts everything that a boot starts. */
export function bootUnits(host: PretendHost): void {
  for (const definition of unitsOf(host)) {
    const state = stateOf(host, definition),
      starts = state.enabled === "enabled" || state.enabled === "static";
    const wrong = starts ? whyNotLoad(host, definition) : undefined;
    if (wrong !== undefined) log(host, definition.unit, 3, wrong);
    const since = host.clock.now();
    const ran = starts && wrong === undefined;
    const next: UnitState = {
      active: ran ? "active" : wrong === undefined ? "inactive" : "failed",
      enabled: state.enabled,
      starts: 0,
      result: wrong === undefined ? "success" : "exit-code",
      dropIns: state.dropIns,
    };
    const serves = ran ? servedBy(host, definition) : undefined;
    host.units.set(definition.unit, { ...next, ...(ran ? { since, loadedAt: since } : {}), ...(serves === undefined ? {} : { serves }) });
  }
  tell(host, { probe: "service" });
}

/** When the unit last read its configuration; undefined: it does not run. */
export function loadedAt(host: PretendHost, name: string): number | undefined {
  const definition = unitOn(host, name);
  if (definition === undefined) return undefined;
  const state = stateOf(host, definition);
  return state.active === "active" ? state.loadedAt : undefined;
}

/** When the unit was last started; undefined: it does not run. */
export function startedAt(host: PretendHost, name: string): number | undefined {
  const definition = unitOn(host, name),
    state = definition === undefined ? undefined : stateOf(host, definition);
  return state?.active === "active" ? state.since : undefined;
}

async function bringUp(host: PretendHost, definition: UnitDefinition, verb: "start" | "restart", { by, signal }: Doing): Promise<void> {
  const { unit } = definition,
    before = stateOf(host, definition);
  if (before.enabled === "masked") throw failure("service/job", `Unable to ${verb} ${unit}: Unit ${unit} is masked.`);
  if (host.pace > 0) setState(host, definition, { active: "activating" }, by);
  await take(host, 150, `${verb} ${unit}`, signal);
  const wrong = whyNotLoad(host, definition) ?? whyNotRun(host, definition);
  const starts = before.starts + 1,
    now = host.clock.now();
  if (wrong !== undefined) {
    log(host, unit, 3, wrong);
    log(host, unit, 4, `${unit}: Failed with result 'exit-code'.`);
    setState(host, definition, { active: "failed", result: "exit-code", starts }, by);
    throw failure("service/job", `Unable to ${verb} ${unit}: the unit is failed (failed)`, { detail: wrong });
  }
  log(host, unit, 6, `Started ${unit} - ${definition.description}.`);
  setState(
    host,
    definition,
    { active: "active", result: "success", since: now, loadedAt: now, reloads: 0, starts, serves: servedBy(host, definition) },
    by,
  );
}

/** Why the program refuses its configuration. */
function whyNotLoad(host: PretendHost, { dialect }: UnitDefinition): string | undefined {
  if (dialect === undefined) return undefined;
  const { ok, output } = testConfiguration(dialect, textsUnder(host, dialectStart(dialect)));
  return ok ? undefined : output;
}

/** Why a program with a good configuration still cannot run: its port is taken, or a drop-in starts another one. */
function whyNotRun(host: PretendHost, definition: UnitDefinition): string | undefined {
  const started = Object.values(stateOf(host, definition).dropIns).findLast((text) => /^ExecStart=./m.test(text));
  if (started !== undefined && /^ExecStart=\S*\/false\b/m.test(started))
    return `${definition.unit}: Main process exited, code=exited, status=1/FAILURE`;
  for (const { port, program, address } of definition.ports) {
    const other = unitsOf(host).find(
      (each) => each !== definition && each.ports.some((taken) => taken.port === port) && stateOf(host, each).active === "active",
    );
    if (other !== undefined) return `${program}: bind() to ${address}:${port} failed (98: Address already in use)`;
  }
  return undefined;
}

const servedBy = (host: PretendHost, { dialect, ports }: UnitDefinition): UnitState["serves"] =>
  dialect === undefined || !ports.some((port) => port.http === true) ? undefined : answerOf(textsUnder(host, dialectStart(dialect)));

/** Texts of the files below a path; links are left out, since what they point to counts for itself. */
export function* textsUnder(host: PretendHost, start: string): Generator<readonly [string, string]> {
  for (const [path, { content, target }] of filesUnder(host, start))
    if (target === undefined && content.text !== undefined) yield [path, content.text];
}

function setState(host: PretendHost, definition: UnitDefinition, change: Partial<UnitState>, by: By | undefined): void {
  host.units.set(definition.unit, { ...stateOf(host, definition), ...change });
  tell(host, { probe: "service", key: definition.unit, by });
}

function mustHave(host: PretendHost, verb: string, name: string): UnitDefinition {
  const definition = unitOn(host, name);
  if (definition === undefined) throw failure("service/job", `Unable to ${verb} ${name}: Unit ${name} not found.`);
  return definition;
}
