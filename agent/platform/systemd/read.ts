import type { ServiceFact } from "../../../schemas/verbs/service.ts";
import type { ServiceReading } from "../services/platform.ts";
import { managerName, propertiesInterface, type SystemdBus } from "./bus.ts";
import { readDropIn } from "./drop-ins.ts";
import { pathOfUnit } from "./names.ts";

/** Properties of org.freedesktop.systemd1.Unit that we read (systemd.directives: org.freedesktop.systemd1(5)); times in microseconds since the epoch. */
interface UnitProperties {
  readonly Id: string;
  readonly LoadState: string;
  readonly ActiveState: string;
  readonly SubState: string;
  readonly UnitFileState: string;
  readonly ActiveEnterTimestamp: bigint;
  readonly InactiveExitTimestamp: bigint;
  /** Of the last change between active, reloading, inactive …: a reload changes it twice, a reloaded manager does not. */
  readonly StateChangeTimestampMonotonic: bigint;
  readonly InvocationID: Buffer;
  readonly Job: readonly [number, string];
  readonly CanReload: boolean;
}

/** One command of ExecReload: program, arguments, ignore errors, started and ended (real and monotonic time), process, code, status. */
type ExecCommand = readonly [string, readonly string[], boolean, bigint, ...unknown[]];

const between = new Set(["activating", "deactivating", "reloading"]);

export async function readUnit(bus: SystemdBus, unit: string): Promise<UnitProperties> {
  return bus.call<UnitProperties>("GetAll", "s", [`${managerName}.Unit`], { path: pathOfUnit(unit), interface: propertiesInterface });
}

/** Reads a unit afresh: state, enablement from the disk, main process, and the texts of the drop-ins asked for. */
export async function readService(bus: SystemdBus, unit: string, dropIns: readonly string[] = []): Promise<ServiceReading> {
  const isService = unit.endsWith(".service");
  const service = <T>(name: string): Promise<T | undefined> => (isService ? property<T>(bus, unit, name) : Promise.resolve(undefined));
  const [properties, fileState, mainPid, result, execReload, reload, texts] = await Promise.all([
    readUnit(bus, unit),
    bus.call<string>("GetUnitFileState", "s", [unit]).catch(() => undefined),
    service<number>("MainPID"),
    property<string>(bus, unit, "Result"),
    service<readonly ExecCommand[]>("ExecReload"),
    service<string>("ReloadResult"),
    Promise.all(dropIns.map(async (name) => [name, await readDropIn(unit, name)] as const)),
  ]);
  const since = milliseconds(properties.ActiveEnterTimestamp);
  const invocation = properties.InvocationID.length === 16 ? properties.InvocationID.toString("hex") : undefined;
  const changing = properties.Job[0] !== 0 || between.has(properties.ActiveState);
  const fact: ServiceFact = {
    unit,
    ...(properties.Id === unit ? {} : { id: properties.Id }),
    load: properties.LoadState,
    active: properties.ActiveState,
    sub: properties.SubState,
    enabled: fileState ?? properties.UnitFileState,
    ...(since === undefined ? {} : { since }),
    ...(invocation === undefined ? {} : { invocation }),
    ...(mainPid === undefined || mainPid === 0 ? {} : { mainPid }),
    ...(result === undefined ? {} : { result }),
    ...(changing ? { changing } : {}),
    loads: String(properties.StateChangeTimestampMonotonic),
    ...(reload === undefined ? {} : { reload }),
    ...(dropIns.length === 0 ? {} : { dropIns: Object.fromEntries(texts) }),
  };
  const startedAt = properties.ActiveState === "active" ? milliseconds(properties.InactiveExitTimestamp) : undefined;
  return { fact, id: properties.Id, loadedAt: loadedAt(properties, execReload ?? []), startedAt };
}

/** The later of the moments at which the last start and the last reload began: what was changed before was read by then. */
function loadedAt(properties: UnitProperties, execReload: readonly ExecCommand[]): number | undefined {
  if (properties.ActiveState !== "active") return undefined;
  const times = [properties.InactiveExitTimestamp, ...execReload.map((command) => command[3])];
  return Math.max(...times.map((time) => milliseconds(time) ?? 0)) || undefined;
}

const milliseconds = (microseconds: bigint): number | undefined => (microseconds === 0n ? undefined : Number(microseconds / 1000n));

const interfaces: Readonly<Record<string, string>> = { service: "Service", socket: "Socket", timer: "Timer", mount: "Mount", path: "Path" };

async function property<T>(bus: SystemdBus, unit: string, name: string): Promise<T | undefined> {
  const type = interfaces[unit.slice(unit.lastIndexOf(".") + 1)];
  if (type === undefined) return undefined;
  return bus
    .call<T>("Get", "ss", [`${managerName}.${type}`, name], { path: pathOfUnit(unit), interface: propertiesInterface })
    .catch(() => undefined);
}
