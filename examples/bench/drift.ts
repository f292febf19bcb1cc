import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { hostClock } from "../../agent/runtime/clock.ts";
import { controllerDial } from "../../agent/runtime/dial.ts";
import { enrolHost, runHost } from "../sandbox/agents.ts";
import { breakSomething } from "../sandbox/faults.ts";
import { firstRun } from "../sandbox/first-run.ts";
import { pretendFleet } from "../sandbox/fleet.ts";
import type { PretendHost } from "../sandbox/pretend-host.ts";
import { type Stand, startStand } from "../sandbox/stand.ts";
import { percentile, type Report } from "./figure.ts";

/** From a change on a host to the alert and to its end, each as an event that is stored. Milliseconds. */
async function rounds({ running }: Stand, host: PretendHost, count: number): Promise<number[]> {
  const { controller } = running,
    times: number[] = [];
  for (let round = 0; round < count; round++) {
    for (const [mode, type] of [
      ["0600", "drift"],
      ["0644", "drift.closed"],
    ] as const) {
      const { promise, resolve } = Promise.withResolvers<number>();
      const stop = controller.followEvents((events) => {
        if (events.some((event) => event.type === type && event.host === host.name)) resolve(performance.now());
      });
      const begun = performance.now();
      await breakSomething(host, `chmod ${mode} /etc/motd`);
      times.push((await promise) - begun);
      stop();
    }
  }
  return times;
}

function tell(report: Report, name: string, times: readonly number[], target: number): void {
  report(`drift to alert, ${name}, median`, percentile(times, 50), "ms", { target });
  report(`drift to alert, ${name}, 99 of 100`, percentile(times, 99), "ms");
}

/** How long drift takes to be an alert: on disk, and told to whoever follows. */
export async function run(report: Report, scale: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "backend-ai-bench-")),
    count = Math.max(50, Math.round(200 * scale));
  const stand = await startStand({ folder, hosts: 12, seed: 7 });
  try {
    const { hub, agentsPort, controller } = stand.running;
    await firstRun(controller);
    const within = stand.fleet.get("dev-01")!;
    await rounds(stand, within, 5);
    tell(report, "agent in the process", await rounds(stand, within, count), 50);

    // One more host than the fleet has, at the other end of a TLS connection.
    const [remote] = pretendFleet({ hosts: 11, seed: 8 }).hosts.slice(-1);
    if (remote === undefined) return;
    const far = { ...remote, host: Object.assign(remote.host, { name: "dev-far" }) };
    const identity = await enrolHost(far, hub);
    const dial = controllerDial({ identity, clock: hostClock, secureContext: createSecureContext({ ca: identity.ca }) });
    const agent = await runHost(far, identity, dial, `https://127.0.0.1:${agentsPort}`);
    while (hub.agentOf("dev-far")?.state !== "online") await new Promise((resolve) => setTimeout(resolve, 10));
    await firstRun(controller);
    await rounds(stand, far.host, 5);
    tell(report, "agent over TLS", await rounds(stand, far.host, count), 50);
    await agent.stop();
  } finally {
    await stand.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
