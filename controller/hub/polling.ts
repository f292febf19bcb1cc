import { randomBytes } from "node:crypto";
import type { HubClock } from "./clock.ts";
import type { Hub } from "./hub.ts";
import { type PollLimits, PollTransport, pollLimits } from "./poll-transport.ts";

/** The connections of agents that poll. */
export interface Polling {
  /** Hands a new connection of an admitted agent to the hub; answers its id. */
  open(agent: string, more: { readonly expiresAt: number; readonly address: string | undefined }): string;
  /** The connection of that id, where it is this agent's; nobody else learns whether there is one. */
  find(id: string, agent: string): PollTransport | undefined;
  close(): void;
}

/** One that polls and those that it has just replaced; of an agent that opens one after the other no more are kept. */
const mostOfOne = 3;

/** Keeps them, and looks for those that are over with one timer for all. */
export function polling(hub: Pick<Hub, "accept">, clock: HubClock, limits: Partial<PollLimits> = {}): Polling {
  const bounds = { ...pollLimits, ...limits },
    open = new Map<string, PollTransport>(),
    byAgent = new Map<string, string[]>();
  const forget = (id: string, { agent }: PollTransport): void => {
    open.delete(id);
    const left = byAgent.get(agent)?.filter((other) => other !== id) ?? [];
    if (left.length === 0) byAgent.delete(agent);
    else byAgent.set(agent, left);
  };
  const timer = setInterval(
    () => {
      for (const [id, transport] of open) if (transport.isOver()) forget(id, transport);
    },
    Math.min(1_000, bounds.idleMs / 4),
  );
  timer.unref();
  return {
    open(agent, more) {
      const id = randomBytes(24).toString("base64url"),
        transport = new PollTransport(agent, bounds, () => clock.mono());
      open.set(id, transport);
      const mine = [...(byAgent.get(agent) ?? []), id];
      byAgent.set(agent, mine);
      hub.accept(transport, agent, { ...more, carrier: "long polling" });
      for (const old of mine.slice(0, -mostOfOne)) {
        const before = open.get(old);
        before?.close("replaced");
        if (before !== undefined) forget(old, before);
      }
      return id;
    },
    find(id, agent) {
      const transport = open.get(id);
      return transport?.agent === agent ? transport : undefined;
    },
    close() {
      clearInterval(timer);
      for (const transport of open.values()) transport.close("shutdown");
    },
  };
}
