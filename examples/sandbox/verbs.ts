import { compileGlob } from "../../schemas/selector/glob.ts";
import { compiledName } from "../../schemas/release.ts";
import { failure } from "../../agent/platform/failure.ts";
import type { Memory } from "../../agent/runtime/memory.ts";
import type { ActionContext, VerbTable } from "../../agent/runtime/verbs.ts";
import type { ActionInput, ActionName, LinuxAction, LinuxProbe, ProbeInput, ProbeOutput } from "../../schemas/verbs/index.ts";
import { checkHealth } from "./host/health.ts";
import { readJournal } from "./host/log-lines.ts";
import { platformOf, pretendVersion } from "./host/own-agent.ts";
import { readHost, readMetrics, readNetwork } from "./host/measure.ts";
import { installPackage, packageOn, packagesOn, readPackage, refuseManager, removePackage, upgradePackage } from "./host/packages.ts";
import { enableUnit, loadedAt, reloadUnit, restartUnit, setDropIns, startedAt, startUnit, stopUnit } from "./host/services.ts";
import { readUnit, unitsOf } from "./host/units.ts";
import type { PretendHost } from "./pretend-host.ts";
import { deleteFile, restoreFile, writeFile, writeValues } from "./verbs/file-actions.ts";
import { probeFile } from "./verbs/file-probe.ts";
import { disownClaim, ownClaim } from "./verbs/own.ts";
import { validate } from "./verbs/validate.ts";
import { pretendWatchers } from "./verbs/watchers.ts";

/** Rows that a listing has at most. */
const maxRows = 2000;

/** Everything that an agent can do, done to a pretend host. */
export function pretendVerbs(host: PretendHost): VerbTable<LinuxProbe, LinuxAction> {
  return {
    probes: {
      agent: async () => pretendAgentFact(host),
      file: (input, context) => probeFile(host, input, context),
      health: (input, { signal }) => checkHealth(host, input, signal),
      host: async () => readHost(host),
      journal: async (input) => readJournal(host, input),
      metrics: async () => readMetrics(host),
      network: async () => readNetwork(host),
      owned: async (_, { memory }) => ({ owned: [...memory.owned()] }),
      package: async ({ name, manager }, { memory }) => {
        refuseManager(host, name, manager);
        return readPackage(host, name, memory.upgradedAt(name));
      },
      packages: async (input) => listPackages(host, input),
      service: ({ unit, dropIns }, { memory }) => probeService(host, unit, dropIns, memory),
      services: async (input) => listServices(host, input),
      validate: async (input) => validate(host, input),
    },
    actions: {
      "agent.update": action(host, "agent.update", refuseUpdate),
      "file.remove": action(host, "file.remove", deleteFile),
      "file.restore": action(host, "file.restore", restoreFile),
      "file.values": action(host, "file.values", writeValues),
      "file.write": action(host, "file.write", writeFile),
      "package.set": action(host, "package.set", setPackage),
      "package.upgrade": action(host, "package.upgrade", upgrade),
      "service.reload": action(host, "service.reload", reload),
      "service.restart": action(host, "service.restart", restart),
      "service.set": action(host, "service.set", setService),
    },
    watchers: pretendWatchers(host),
  };
}

/** The agents of pretend hosts are parts of one process, of one version. */
function pretendAgentFact(host: PretendHost): ProbeOutput<"agent"> {
  const platform = platformOf(host);
  return { version: pretendVersion, variant: compiledName(platform), ...platform, state: "steady", updatable: false };
}

const refuseUpdate: Handler<"agent.update"> = () =>
  Promise.reject(failure("agent/not-updatable", "Unable to update the agent: those of pretend hosts are parts of the sandbox"));

type Handler<N extends ActionName> = (host: PretendHost, input: ActionInput<N>, context: ActionContext) => Promise<string | undefined>;

/** An action that fails first, where somebody planned that. */
const action =
  <N extends ActionName>(host: PretendHost, name: N, handle: Handler<N>) =>
  async (input: ActionInput<N>, context: ActionContext): Promise<string | undefined> => {
    const planned = host.failures.find((each) => each.times > 0 && compileGlob(each.action)(name));
    if (planned !== undefined) {
      planned.times -= 1;
      throw failure("sandbox/failed", `Unable to do ${name}: ${planned.text}`);
    }
    return handle(host, input, context);
  };

async function setService(
  host: PretendHost,
  { unit, active, enabled, dropIns }: ActionInput<"service.set">,
  context: ActionContext,
): Promise<undefined> {
  const doing = { signal: context.signal };
  if (dropIns !== undefined) {
    for (const name of Object.keys(dropIns)) await context.memory.mark(`${unit}.d/${name}`, [unit]);
    setDropIns(host, unit, dropIns);
  }
  const { load, enabled: was } = readUnit(host, unit, undefined);
  if (load === "not-found" && (active === true || enabled === true))
    throw failure("service/not-found", `Unable to set ${unit}: this host has no such unit`);
  if (enabled !== undefined && (was === "enabled") !== enabled) enableUnit(host, unit, enabled);
  if (active === true) await startUnit(host, unit, doing);
  if (active === false && load !== "not-found") await stopUnit(host, unit, doing);
  if (active === true) await forgetMarks(host, unit, context);
  await ownClaim(host, `unit:${unit}`, false, context);
}

async function restart(host: PretendHost, { unit }: ActionInput<"service.restart">, context: ActionContext): Promise<undefined> {
  await restartUnit(host, unit, { signal: context.signal });
  await forgetMarks(host, unit, context);
}

async function reload(host: PretendHost, { unit }: ActionInput<"service.reload">, context: ActionContext): Promise<undefined> {
  await reloadUnit(host, unit, { signal: context.signal });
  await context.memory.unmark(unit, loadedAt(host, unit) ?? host.clock.now(), startedAt(host, unit) ?? 0);
}

/** What the unit read when it was last loaded is no longer due. */
async function forgetMarks(host: PretendHost, unit: string, { memory }: ActionContext): Promise<void> {
  const read = loadedAt(host, unit);
  if (read !== undefined) await memory.unmark(unit, read);
}

/** A unit with its drop-ins that were changed since it was started. */
async function probeService(
  host: PretendHost,
  unit: string,
  dropIns: readonly string[] | undefined,
  memory: Memory,
): Promise<ProbeOutput<"service">> {
  const started = startedAt(host, unit);
  if (started !== undefined && memory.marks().some((mark) => mark.unit === unit)) await memory.unmark(unit, 0, started - 1);
  const due = memory
    .marks()
    .flatMap(({ path, unit: of }) => (of === unit && path.startsWith(`${unit}.d/`) ? [path.slice(unit.length + 3)] : []));
  return { ...readUnit(host, unit, dropIns), ...(due.length === 0 ? {} : { due: due.toSorted() }) };
}

async function setPackage(host: PretendHost, input: ActionInput<"package.set">, context: ActionContext): Promise<string | undefined> {
  const { name, manager, state, version, purge } = input,
    { signal } = context;
  refuseManager(host, name, manager);
  if (state === "absent") {
    const output = await removePackage(host, name, purge === true, { signal });
    await disownClaim(host, `package:${name}`, context);
    return output;
  }
  const created = packageOn(host, name) === undefined;
  const output = await installPackage(host, name, version, { signal });
  await ownClaim(host, `package:${name}`, created, context);
  return output;
}

async function upgrade(
  host: PretendHost,
  { name, manager }: ActionInput<"package.upgrade">,
  context: ActionContext,
): Promise<string | undefined> {
  refuseManager(host, name, manager);
  const startedAt = host.clock.now();
  const output = await upgradePackage(host, name, { signal: context.signal });
  await context.memory.rememberUpgrade(name, startedAt);
  await ownClaim(host, `package:${name}`, false, context);
  return output;
}

function listPackages(host: PretendHost, { pattern }: ProbeInput<"packages">): ProbeOutput<"packages"> {
  const matches = compileGlob(pattern ?? "*");
  const packages = packagesOn(host).flatMap(([name, { version }]) =>
    matches(name) ? [{ name, version, manual: host.image.role.software.includes(name) || !host.image.packages.has(name) }] : [],
  );
  return { packages: packages.slice(0, maxRows), truncated: packages.length > maxRows };
}

function listServices(host: PretendHost, { pattern }: ProbeInput<"services">): ProbeOutput<"services"> {
  const matches = compileGlob(pattern ?? "*");
  const units = unitsOf(host)
    .filter(({ unit }) => matches(unit) || matches(unit.replace(/\.service$/, "")))
    .toSorted((a, b) => (a.unit < b.unit ? -1 : 1))
    .map((definition) => {
      const { active, sub = "", enabled } = readUnit(host, definition.unit, undefined);
      return { unit: definition.unit, active, sub, enabled, description: definition.description };
    });
  return { units: units.slice(0, maxRows), truncated: units.length > maxRows };
}
