import { pretendVersion } from "./host/own-agent.ts";
import { setImmediate as turn } from "node:timers/promises";
import { hostClock } from "../../agent/runtime/clock.ts";
import { challengeSigner, type Identity, newKey } from "../../agent/runtime/identity.ts";
import { linkedPair } from "../../agent/runtime/linked-pair.ts";
import { silent } from "../../agent/runtime/log.ts";
import { volatileSpool } from "../../agent/runtime/spool.ts";
import type { Dial } from "../../agent/runtime/transport.ts";
import { volatileMemory } from "../../agent/runtime/volatile-memory.ts";
import type { Hub } from "../../controller/hub/hub.ts";
import { ProblemError } from "../../schemas/problem.ts";
import type { FleetHost } from "./fleet.ts";
import { machineIdOf, pretendAgent } from "./pretend-agent.ts";

/** What a host's agent is to the controller: enrolled by a join token of its own that carries its name, tags and labels. */
export async function enrolHost({ host, tags, labels }: FleetHost, hub: Pick<Hub, "createToken" | "enrol">): Promise<Identity> {
  const { privateKey, publicKey } = newKey(),
    machineId = machineIdOf(host);
  const preset = { host: host.name, tags: [...tags], labels: { ...labels } };
  const { token } = await hub.createToken({ ttlMs: 600_000, maxUses: 1, by: "sandbox", preset });
  const answer = await hub.enrol({ token, publicKey, hostname: host.name, machineId, version: pretendVersion });
  if ("code" in answer) throw new ProblemError(answer);
  return { ...answer, privateKey, machineId };
}

/** Runs the real agent of a pretend host. Memory and spool last as long as the process, as files outlast the agent. */
export function runHost({ host }: FleetHost, identity: Identity, dial: Dial, controller: string): Promise<{ stop(): Promise<void> }> {
  return pretendAgent(host, {
    controllers: [controller],
    allowance: { verbs: ["*"], allowPaths: [], denyPaths: [], ownPaths: [] },
    identity,
    sign: challengeSigner(identity),
    version: pretendVersion,
    memory: volatileMemory(hostClock),
    spool: volatileSpool(),
    dial,
    log: silent,
  });
}

/** A connection within this process: the agent gets one end, the hub the other. */
export const dialWithin =
  (hub: Pick<Hub, "accept">, agent: string): Dial =>
  () => {
    const [mine, theirs] = linkedPair();
    hub.accept(theirs, agent);
    return Promise.resolve(mine);
  };

/** Enrols every host and runs its agent, all in this process; a turn of the event loop between two, so that nobody waits for all. */
export async function runFleet(hosts: readonly FleetHost[], hub: Hub): Promise<{ stop(): Promise<void> }> {
  const agents: { stop(): Promise<void> }[] = [];
  for (const one of hosts) {
    const identity = await enrolHost(one, hub);
    agents.push(await runHost(one, identity, dialWithin(hub, identity.agent), "https://sandbox"));
    await turn();
  }
  return { stop: async () => void (await Promise.all(agents.map((agent) => agent.stop()))) };
}
