import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import pLimit from "p-limit";
import { hostClock } from "../../agent/runtime/clock.ts";
import type { Identity } from "../../agent/runtime/identity.ts";
import { controllerDial } from "../../agent/runtime/dial.ts";
import { runHost } from "../sandbox/agents.ts";
import { pretendFleet } from "../sandbox/fleet.ts";

/** So many connections are being made at a time; the rest of a real fleet would wait for its network. */
const atATime = 64;

// The agents of a fleet in a process of their own: identities from a file, connected once the parent says so.
const [, , file, controller] = process.argv as [string, string, string, string];
const { hosts, identities } = JSON.parse(await readFile(file, "utf8")) as { hosts: number; identities: Identity[] };
const fleet = pretendFleet({ hosts, seed: 1, metricsEveryMs: 0 }),
  limit = pLimit(atATime),
  secureContext = createSecureContext({ ca: identities[0]?.ca });
process.on("disconnect", () => process.exit(0));
process.send?.("ready");
process.once("message", async () => {
  for (const [at, host] of fleet.hosts.entries()) {
    const identity = identities[at]!,
      dial = controllerDial({ identity, clock: hostClock, secureContext });
    await runHost(host, identity, (to, signal) => limit(() => dial(to, signal)), controller);
  }
});
