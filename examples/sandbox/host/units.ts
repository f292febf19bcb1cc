import { nearest } from "../../../schemas/selector/nearest.ts";
import type { ServiceFact } from "../../../schemas/verbs/service.ts";
import type { PretendHost, UnitState } from "../pretend-host.ts";
import type { UnitDefinition } from "./parts.ts";
import { hash, hex128 } from "./random.ts";

/** The unit's own name, whatever alias it is called by; the name itself where nobody knows it. */
export const unitName = (host: PretendHost, name: string): string => host.image.units.get(name)?.definition.unit ?? name;

/** A unit whose package is installed. */
export function unitOn(host: PretendHost, name: string): UnitDefinition | undefined {
  const known = host.image.units.get(name);
  return known !== undefined && isInstalled(host, known.pack) ? known.definition : undefined;
}

export function isInstalled(host: PretendHost, pack: string): boolean {
  const own = host.packages.get(pack);
  return own === undefined ? host.image.packages.has(pack) : own !== null;
}

/** Every unit of the host, by its own name. */
export function unitsOf(host: PretendHost): UnitDefinition[] {
  return [...host.image.units].flatMap(([name, { definition, pack }]) =>
    definition.unit === name && isInstalled(host, pack) ? [definition] : [],
  );
}

/** The state of an installed unit. */
export function stateOf(host: PretendHost, definition: UnitDefinition): UnitState {
  return host.units.get(definition.unit) ?? stateAtBoot(host, definition, definition.enabled);
}

/** What a unit is after a boot, before anybody touched it. */
export function stateAtBoot(host: PretendHost, definition: UnitDefinition, enabled: UnitState["enabled"], starts = 0): UnitState {
  const runs = enabled === "enabled" || enabled === "static";
  const since = host.bootedAt + 2000 + (hash(host.seed, definition.unit) % 8000);
  return {
    active: runs ? "active" : "inactive",
    enabled,
    ...(runs ? { since, loadedAt: since } : {}),
    starts,
    result: "success",
    dropIns: {},
  };
}

const sub = { active: "running", inactive: "dead", failed: "failed", activating: "start", deactivating: "stop-sigterm" } as const;

/** The unit as the init system tells of it. */
export function readUnit(host: PretendHost, name: string, dropIns: readonly string[] | undefined): ServiceFact {
  const definition = unitOn(host, name),
    openrc = host.image.system.init === "openrc";
  const texts = (of: Readonly<Record<string, string>>) =>
    dropIns === undefined || dropIns.length === 0 ? {} : { dropIns: Object.fromEntries(dropIns.map((drop) => [drop, of[drop] ?? null])) };
  const near =
    definition === undefined
      ? nearest(
          name,
          unitsOf(host).map(({ unit }) => unit),
        )
      : undefined;
  if (definition === undefined)
    return {
      unit: name,
      ...(near === undefined ? {} : { near }),
      load: "not-found",
      active: "inactive",
      ...(openrc ? {} : { sub: "dead" }),
      enabled: "",
      ...texts({}),
    };
  const state = stateOf(host, definition),
    changing = state.active === "activating" || state.active === "deactivating";
  return {
    unit: name,
    ...(definition.unit === name ? {} : { id: definition.unit }),
    load: state.enabled === "masked" ? "masked" : "loaded",
    active: state.active,
    ...(openrc ? {} : { sub: sub[state.active] }),
    enabled: state.enabled,
    ...(state.since === undefined ? {} : { since: state.since }),
    ...(openrc || state.since === undefined ? {} : { invocation: hex128(host.seed, definition.unit, host.boots, state.starts) }),
    ...(state.active === "active" ? { mainPid: pidOf(host, definition, state) } : {}),
    ...(openrc ? {} : { result: state.result }),
    ...(changing ? { changing } : {}),
    ...(openrc ? {} : { loads: `${host.boots} ${state.starts} ${state.reloads ?? 0} ${state.active}`, reload: "success" }),
    ...texts(state.dropIns),
  };
}

export const pidOf = (host: PretendHost, definition: UnitDefinition, state: UnitState): number =>
  300 + (hash(host.seed, definition.unit, host.boots, state.starts) % 32_000);
