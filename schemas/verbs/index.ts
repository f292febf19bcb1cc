import type { Static } from "typebox";
import { linuxActions, linuxProbes } from "./linux.ts";
import { proxmoxActions, proxmoxProbes } from "./proxmox/index.ts";

/** Everything that an agent of any sort can be asked. */
export const probes = { ...linuxProbes, ...proxmoxProbes } as const;

/** Everything that an agent of any sort can be told to do: there is no other way to change anything. */
export const actions = { ...linuxActions, ...proxmoxActions } as const;

export type ProbeName = keyof typeof probes;
export type ActionName = keyof typeof actions;
export type ProbeInput<N extends ProbeName> = Static<(typeof probes)[N]["input"]>;
export type ProbeOutput<N extends ProbeName> = Static<(typeof probes)[N]["output"]>;
export type ActionInput<N extends ActionName> = Static<(typeof actions)[N]["input"]>;

/** Names of the verbs of one sort of agent. */
export type LinuxProbe = keyof typeof linuxProbes;
export type LinuxAction = keyof typeof linuxActions;
export type ProxmoxProbe = keyof typeof proxmoxProbes;
export type ProxmoxAction = keyof typeof proxmoxActions;
