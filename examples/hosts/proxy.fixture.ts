import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { startProxy } from "../../agent/runtime/proxy.fixture.ts";
import { keyFiles } from "../../controller/hub/keys.ts";

/** A proxy that lets no WebSocket through, as a program of its own: `node proxy.fixture.ts KEYS ADDRESS PORT UPSTREAM`. One line on stdout says that it is up. */
const [, , keys, host, port, upstream] = process.argv as [string, string, string, string, string, string];
const [ca, server] = await Promise.all([keyFiles.ca, keyFiles.server].map((name) => readFile(join(keys, name), "utf8")));
const proxy = await startProxy(upstream, { ca: ca!, cert: server!, key: server! }, "strip", { host, port: Number(port) });
process.stdout.write(`${proxy.url}\n`);
