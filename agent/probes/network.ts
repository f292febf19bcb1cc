import { readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { readdir } from "node:fs/promises";
import type { ProbeOutput } from "../../schemas/verbs/index.ts";
import { readListeners } from "../platform/host/listeners.ts";

/** Probe `network`: interfaces, and what listens on which port. */
export async function probeNetwork(): Promise<ProbeOutput<"network">> {
  const names = (await readdir("/sys/class/net").catch(() => Object.keys(networkInterfaces()))).sort().slice(0, 500);
  const addresses = networkInterfaces();
  const interfaces = await Promise.all(
    names.map(async (name) => {
      const state = (await readFile(`/sys/class/net/${name}/operstate`, "utf8").catch(() => "unknown")).trim();
      const own = (addresses[name] ?? []).map(({ cidr, address }) => cidr ?? address).sort();
      return { name, addresses: own, up: state === "up" || (state === "unknown" && own.length > 0) };
    }),
  );
  return { interfaces, listeners: await readListeners() };
}
