import { askKey } from "../../schemas/canonical.ts";
import { type Ask, ask } from "../../schemas/contract.ts";
import { hostProbe, metricsProbe, ownedProbe } from "../../schemas/verbs/host.ts";
import { clusterLoadProbe, clusterProbe } from "../../schemas/verbs/proxmox/cluster.ts";
import { guestsProbe } from "../../schemas/verbs/proxmox/guest.ts";
import { isCluster } from "../core/inventory.ts";
import type { HostView } from "../core/model.ts";

const ofHosts: readonly Ask[] = [ask(hostProbe, {}), ask(metricsProbe, {}), ask(ownedProbe, {})];
const ofClusters: readonly Ask[] = [ask(clusterProbe, {}), ask(clusterLoadProbe, {}), ask(ownedProbe, {})];
const keys = new Set([...ofHosts, ...ofClusters].map(askKey));

/** What a host is watched for, whatever the manifests say: a machine for itself, a cluster for its nodes and their guests. */
export const standingAsks = (host: HostView | undefined): readonly Ask[] =>
  host === undefined || !isCluster(host)
    ? ofHosts
    : [...ofClusters, ...(host.cluster?.fact.nodes ?? []).map(({ name }) => ask(guestsProbe, { node: name }))];

/** Whether a fact is one of those. */
export const isStanding = (key: string): boolean => keys.has(key) || key.startsWith("guests ");

/** Whether a fact changes what its host is watched for, or what selectors pick it for. */
export const changesHost = (key: string): boolean => key === "host {}" || key === "cluster {}";
