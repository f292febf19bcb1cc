import type { ProbeContext } from "../../agent/runtime/verbs.ts";
import type { ProbeInput, ProbeOutput } from "../../schemas/verbs/index.ts";
import type { PveClient } from "../pve/client.ts";
import { reading } from "../cluster/reading.ts";

const most = 5000;

interface ContentLine {
  readonly volid: string;
  readonly content: string;
  readonly size?: number;
  readonly vmid?: number;
  readonly ctime?: number;
  readonly protected?: number;
  readonly verification?: { readonly state?: string };
  readonly notes?: string;
}

/** Probe `volumes`: what a storage holds on a node. */
export const probeVolumes =
  (client: PveClient) =>
  ({ node, storage, content }: ProbeInput<"volumes">, { signal }: ProbeContext): Promise<ProbeOutput<"volumes">> =>
    reading(`list storage ${storage}`, async () => {
      const lines = (await client.request("GET", `/nodes/${node}/storage/${storage}/content`, { content }, { signal })) as ContentLine[];
      const volumes = lines.slice(0, most).map((line) => ({
        volume: line.volid,
        content: line.content,
        size: line.size ?? 0,
        ...(line.vmid === undefined ? {} : { guest: line.vmid }),
        ...(line.ctime === undefined ? {} : { at: line.ctime * 1000 }),
        ...(line.protected === 1 ? { protected: true } : {}),
        ...(line.verification?.state === undefined ? {} : { verified: line.verification.state }),
        ...(line.notes === undefined ? {} : { notes: line.notes }),
      }));
      return { volumes: volumes.sort((a, b) => (a.volume < b.volume ? -1 : 1)), truncated: lines.length > most };
    });
