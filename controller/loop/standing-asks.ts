import { askKey } from "../../schemas/canonical.ts";
import { type Ask, ask } from "../../schemas/contract.ts";
import { hostProbe, metricsProbe, ownedProbe } from "../../schemas/verbs/host.ts";
import { clusterLoadProbe, clusterProbe } from "../../schemas/verbs/proxmox/cluster.ts";
import { guestsProbe } from "../../schemas/verbs/proxmox/guest.ts";
import { isCluster } from "../core/inventory.ts";
import type { HostView } from "../core/model.ts";
import { nodesOf } from "./fleet-cluster.ts";

const ofHosts: readonly Ask[] = [ask(hostProbe, {}), ask(metricsProbe, {}), ask(ownedProbe, {})];
const ofClusters: readonly Ask[] = [ask(clusterProbe, {}), ask(clusterLoadProbe, {}), ask(ownedProbe, {})];
const keysOfHosts = new Set(ofHosts.map(askKey)),
  keysOfClusters = new Set(ofClusters.map(askKey));

/** What a host is watched for, whatever the manifests say: a machine for itself, a cluster for its nodes and their guests. */
export const standingAsks = (host: HostView | undefined): readonly Ask[] =>
  host === undefined || !isCluster(host) ? ofHosts : [...ofClusters, ...guestsOf(host)];

const guestsOf = ({ cluster }: HostView): Ask[] =>
  cluster === undefined ? [] : nodesOf(cluster.fact).map((node) => ask(guestsProbe, { node }));

/** Whether a host's fact is one of those: a cluster's only where it may speak for one, and of the nodes that it has. */
export function isStanding(key: string, host: HostView | undefined): boolean {
  if (keysOfHosts.has(key)) return true;
  if (host === undefined || !isCluster(host)) return false;
  return keysOfClusters.has(key) || (key.startsWith("guests ") && guestsOf(host).some((guests) => askKey(guests) === key));
}

/** Whether a fact changes what its host is watched for, or what selectors pick it for. */
export const changesHost = (key: string): boolean => key === "host {}" || key === "cluster {}";
