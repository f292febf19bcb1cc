import { readdir, readFile, readlink } from "node:fs/promises";
import type { NetworkFact } from "../../../schemas/verbs/host.ts";

type Listener = NetworkFact["listeners"][number];
interface Socket {
  readonly address: string;
  readonly port: number;
  readonly inode: string;
}

const files = [
  ["tcp", "tcp"],
  ["tcp6", "tcp"],
  ["udp", "udp"],
  ["udp6", "udp"],
] as const;

/** What listens on which port, with the program's name where it can be read. */
export async function readListeners(): Promise<Listener[]> {
  const sockets = await Promise.all(
    files.map(async ([file, protocol]) =>
      parseSockets(await readFile(`/proc/net/${file}`, "utf8").catch(() => ""), protocol).map((socket) => ({ ...socket, protocol })),
    ),
  );
  const found = sockets.flat();
  const programs = await programsOf(new Set(found.map(({ inode }) => inode)));
  const listeners = new Map<string, Listener>();
  for (const { protocol, address, port, inode } of found) {
    const program = programs.get(inode);
    listeners.set(`${protocol} ${port} ${address}`, { protocol, address, port, ...(program === undefined ? {} : { program }) });
  }
  return [...listeners.values()]
    .sort((a, b) => a.port - b.port || (a.protocol + a.address < b.protocol + b.address ? -1 : 1))
    .slice(0, 2000);
}

/** Listening rows of /proc/net/tcp and its like (proc(5)): state 0A for TCP, unconnected (07) for UDP. */
export function parseSockets(text: string, protocol: "tcp" | "udp"): Socket[] {
  return text
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      const [local, state, inode] = [fields[1], fields[3], fields[9]];
      if (local === undefined || inode === undefined || state !== (protocol === "tcp" ? "0A" : "07")) return [];
      const [address = "", port = ""] = local.split(":");
      return [{ address: readableAddress(address), port: Number.parseInt(port, 16), inode }];
    });
}

/** Addresses are written as 32-bit words in the host's byte order, which is little-endian on all that we run on. */
export function readableAddress(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => [...Buffer.from(word, "hex")].reverse());
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, index) => (((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0)).toString(16));
  if (bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255) return bytes.slice(12).join(".");
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

/** Names of the programs that hold sockets, by inode. */
async function programsOf(inodes: ReadonlySet<string>): Promise<Map<string, string>> {
  const programs = new Map<string, string>();
  const processes = (await readdir("/proc")).filter((name) => /^[0-9]+$/.test(name));
  for (const process of processes) {
    const descriptors = await readdir(`/proc/${process}/fd`).catch(() => []);
    const targets = await Promise.all(descriptors.map((descriptor) => readlink(`/proc/${process}/fd/${descriptor}`).catch(() => "")));
    const held = targets
      .map((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1])
      .filter((inode) => inode !== undefined && inodes.has(inode));
    if (held.length === 0) continue;
    const program = (await readFile(`/proc/${process}/comm`, "utf8").catch(() => "")).trim();
    for (const inode of held) if (inode !== undefined && program !== "") programs.set(inode, program);
  }
  return programs;
}
