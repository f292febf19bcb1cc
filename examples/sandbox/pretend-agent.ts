import { type Agent, type AgentParts, runAgent } from "../../agent/runtime/agent.ts";
import { pause } from "../../agent/runtime/clock.ts";
import { readHost } from "./host/measure.ts";
import { platformOf } from "./host/own-agent.ts";
import { hex128 } from "./host/random.ts";
import { linkOf } from "./link.ts";
import type { PowerEvent, PretendHost } from "./pretend-host.ts";
import { pretendVerbs } from "./verbs.ts";

/** What the agent of a pretend host is given from outside; memory and spool outlive its crashes, as files do. */
export type PretendAgentParts = Omit<AgentParts, "verbs" | "machine" | "resolve" | "clock">;

/** How long an init system waits before it starts a crashed agent again, on a real host. */
const restartMs = 1000;

/** The id by which the machine is known; the same in every boot. */
export const machineIdOf = (host: PretendHost): string => hex128(host.seed, "machine");

/** Runs the real agent on a pretend host, again after each crash and each boot, until it is stopped. */
export async function pretendAgent(host: PretendHost, parts: PretendAgentParts): Promise<{ stop(): Promise<void> }> {
  let running: Agent | undefined,
    stopped = false,
    order: Promise<void> = Promise.resolve();
  const verbs = pretendVerbs(host),
    dial = linkOf(host, parts.dial);
  const start = async (): Promise<void> => {
    if (stopped || running !== undefined || !host.running) return;
    const { bootId, init } = readHost(host),
      platform = { ...platformOf(host), init };
    running = await runAgent({
      ...parts,
      dial,
      verbs,
      clock: host.clock,
      resolve: (path) => Promise.resolve(path),
      machine: { machineId: machineIdOf(host), bootId, platform },
    });
  };
  const end = async (graceMs?: number): Promise<void> => {
    const agent = running;
    running = undefined;
    await agent?.stop(graceMs);
  };
  const crash = async (): Promise<void> => {
    await end(0);
    await pause(host.clock, restartMs * host.pace);
    await start();
  };
  /** One after the other: a boot may come while a crash is not over. */
  const then = (work: () => Promise<void>): Promise<void> => (order = order.then(work, work));
  const onPower = (event: PowerEvent): void => {
    if (event === "down") void then(() => end(0));
    if (event === "up") void then(start);
    if (event === "agent-crash") void then(crash);
  };
  host.power.add(onPower);
  await then(start);
  return {
    async stop() {
      stopped = true;
      host.power.delete(onPower);
      await then(() => end());
    },
  };
}
