import type { ProbeContext } from "../../agent/runtime/verbs.ts";
import type { TaskRow } from "../../schemas/verbs/proxmox/cluster.ts";
import type { ProbeInput, ProbeOutput } from "../../schemas/verbs/index.ts";
import type { TaskLine } from "../cluster/running-tasks.ts";
import type { PveClient } from "../pve/client.ts";
import { reading } from "../cluster/reading.ts";

/** Probe `tasks`: of one node, or the newest of the cluster. */
export const probeTasks =
  (client: PveClient) =>
  ({ node, guest, failed, limit = 50 }: ProbeInput<"tasks">, { signal }: ProbeContext): Promise<ProbeOutput<"tasks">> =>
    reading("list tasks", async () => {
      const lines = (await (node === undefined
        ? client.request("GET", "/cluster/tasks", {}, { signal })
        : client.request("GET", `/nodes/${node}/tasks`, { source: "all", limit, vmid: guest, errors: failed }, { signal }))) as TaskLine[];
      const wanted = lines
        .filter((line) => guest === undefined || line.id === String(guest))
        .filter((line) => failed !== true || (line.endtime !== undefined && !/^(OK|WARNINGS)/.test(line.status ?? "")));
      return {
        tasks: wanted
          .map((line) => rowOf(line, node))
          .sort((a, b) => b.startedAt - a.startedAt)
          .slice(0, limit),
      };
    });

const rowOf = ({ upid, node, type, id, user, starttime, endtime, status }: TaskLine, of: string | undefined): TaskRow => ({
  upid,
  node: node ?? of ?? "",
  type,
  user,
  startedAt: starttime * 1000,
  ...(id === undefined || id === "" ? {} : { id }),
  ...(endtime === undefined ? {} : { endedAt: endtime * 1000 }),
  ...(status === undefined || endtime === undefined ? {} : { status }),
});
