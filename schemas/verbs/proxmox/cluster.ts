import Type, { type Static } from "typebox";
import { defineProbe } from "../../contract.ts";
import { oneOf } from "../../one-of.ts";
import { NodeName, StorageName } from "./guest.ts";

const nothing = Type.Object({}, { additionalProperties: false });

/** A node of the cluster: what changes seldom. Sizes in bytes. */
export const ClusterNode = Type.Object({
  name: Type.String(),
  online: Type.Boolean(),
  address: Type.Optional(Type.String()),
  cpus: Type.Optional(Type.Integer()),
  memory: Type.Optional(Type.Integer()),
  version: Type.Optional(Type.String({ description: "pve-manager, such as 8.4.21" })),
  maintenance: Type.Optional(Type.Boolean()),
  bridges: Type.Optional(Type.Array(Type.Object({ name: Type.String(), vlanAware: Type.Optional(Type.Boolean()) }))),
});
export type ClusterNode = Static<typeof ClusterNode>;

/** A storage on the nodes that have it; a shared one is the same everywhere. */
export const ClusterStorage = Type.Object({
  name: Type.String(),
  type: Type.String({ description: "dir, lvmthin, zfspool, btrfs, nfs, rbd, pbs …" }),
  shared: Type.Boolean(),
  content: Type.Array(Type.String()),
  nodes: Type.Array(Type.String(), { description: "Where it is active" }),
});
export type ClusterStorage = Static<typeof ClusterStorage>;

/** Where HA keeps resources: a group (8.x) or a node-affinity rule (9.x); nodes with their priority. */
export const HaGroup = Type.Object({
  name: Type.String(),
  nodes: Type.Record(Type.String(), Type.Integer()),
  restricted: Type.Boolean(),
  resources: Type.Optional(Type.Array(Type.String(), { description: "vm:100, ct:101; only for rules" })),
});

/** What a cluster is: changes seldom. `quorate: false`: it answers, and refuses every change. */
export const ClusterFact = Type.Object({
  name: Type.String(),
  standalone: Type.Boolean({ description: "One node that is in no cluster" }),
  quorate: Type.Boolean(),
  version: Type.String({ description: "Of the node that answered" }),
  nodes: Type.Array(ClusterNode),
  storages: Type.Array(ClusterStorage),
  haGroups: Type.Array(HaGroup),
  pools: Type.Array(Type.String()),
  /** What the agent's token may do: privileges by path, as /access/permissions has them. */
  rights: Type.Record(Type.String(), Type.Array(Type.String())),
  root: Type.Boolean({ description: "Logged in as root@pam itself, not by a token" }),
});
export type ClusterFact = Static<typeof ClusterFact>;

export const clusterProbe = defineProbe({ name: "cluster", input: nothing, output: ClusterFact, watchable: true });

/** How busy a cluster is; figures in whole per cent of what there is, reported when one moved by enough to matter. */
export const ClusterLoad = Type.Object({
  nodes: Type.Array(
    Type.Object({
      name: Type.String(),
      cpu: Type.Number(),
      memory: Type.Number(),
      disk: Type.Number(),
      load: Type.Optional(Type.Number()),
    }),
  ),
  storages: Type.Array(
    Type.Object({
      storage: Type.String(),
      node: Type.Optional(Type.String()),
      total: Type.Integer(),
      used: Type.Number({ description: "Per cent" }),
    }),
  ),
});
export type ClusterLoad = Static<typeof ClusterLoad>;

export const clusterLoadProbe = defineProbe({ name: "cluster-load", input: nothing, output: ClusterLoad, watchable: true });

/** A task of the cluster, ours or others'; times in milliseconds since the epoch. */
export const TaskRow = Type.Object({
  upid: Type.String(),
  node: Type.String(),
  type: Type.String(),
  id: Type.Optional(Type.String()),
  user: Type.String(),
  startedAt: Type.Number(),
  endedAt: Type.Optional(Type.Number()),
  status: Type.Optional(Type.String({ description: "OK, WARNINGS: n, or what went wrong; absent while it runs" })),
});
export type TaskRow = Static<typeof TaskRow>;

/** Tasks of the cluster, newest first. */
export const tasksProbe = defineProbe({
  name: "tasks",
  input: Type.Object(
    {
      node: Type.Optional(NodeName),
      guest: Type.Optional(Type.Integer()),
      failed: Type.Optional(Type.Boolean()),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
    },
    { additionalProperties: false },
  ),
  output: Type.Object({ tasks: Type.Array(TaskRow) }),
  watchable: false,
});

/** What a storage holds on a node. */
export const volumesProbe = defineProbe({
  name: "volumes",
  input: Type.Object(
    {
      node: NodeName,
      storage: StorageName,
      content: Type.Optional(oneOf(["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import"] as const)),
    },
    { additionalProperties: false },
  ),
  output: Type.Object({
    volumes: Type.Array(
      Type.Object({
        volume: Type.String(),
        content: Type.String(),
        size: Type.Integer(),
        guest: Type.Optional(Type.Integer()),
        at: Type.Optional(Type.Number()),
        protected: Type.Optional(Type.Boolean()),
        verified: Type.Optional(Type.String()),
        notes: Type.Optional(Type.String()),
      }),
    ),
    truncated: Type.Boolean(),
  }),
  watchable: false,
});
