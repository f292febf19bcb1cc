import type { Change } from "../../schemas/plan.ts";
import type { PretendState } from "./pretend-controller.ts";

/** Does what the steps of a change say, so that the next plan is empty. */
export function carryOut(change: Change, state: PretendState, now: number): void {
  for (const { action, input } of change.steps) deeds[action]?.(state, input as never, now);
}

const deeds: Readonly<Record<string, (state: PretendState, input: never, now: number) => void>> = {
  "service.set": (state, { unit, active, enabled }: { unit: string; active?: boolean; enabled?: boolean }, now) => {
    const found = state.units.get(unit)!;
    state.units.set(unit, {
      active: active === undefined ? found.active : active ? "active" : "inactive",
      enabled: enabled === undefined ? found.enabled : enabled ? "enabled" : "disabled",
      since: active === true ? now : found.since,
    });
  },
  "service.restart": (state, { unit }: { unit: string }, now) =>
    void state.units.set(unit, { ...state.units.get(unit)!, active: "active", since: now }),
  "package.set": (state, { name, state: wanted, version }: { name: string; state: string; version?: string }) => {
    if (wanted === "present") state.packages.set(name, { version: version ?? "1.0" });
    else state.packages.delete(name);
  },
  "package.upgrade": (state, { name }: { name: string }, now) => void state.packages.set(name, { version: "1.0", upgradedAt: now }),
  "file.write": (state, { path, content }: { path: string; content: string }) => void state.files.set(path, { text: content, values: {} }),
  "file.values": (state, { path, values }: { path: string; values: Record<string, unknown> }) => {
    const found = state.files.get(path) ?? { text: "", values: {} };
    state.files.set(path, { text: found.text, values: { ...found.values, ...values } });
  },
};
