import type { AgentRecord, AgentRegistry, TokenRecord } from "./registry.ts";

const live = (agent: AgentRecord): boolean => agent.revokedAt === undefined;

/** A registry in memory, for tests and for benchmarks of pretend agents: nothing survives it. */
export function memoryRegistry(): AgentRegistry {
  const agents = new Map<string, AgentRecord>(),
    tokens = new Map<string, TokenRecord>();
  const others = (but: readonly string[]) => agents.values().filter((agent) => live(agent) && !but.includes(agent.id));
  return {
    agents: async () => [...agents.values()],
    async enrol(agent, replaces) {
      const token = tokens.get(agent.token);
      if (token === undefined || token.revokedAt !== undefined) return "revoked";
      if (token.uses >= token.maxUses) return "used-up";
      if (others(replaces).some((other) => other.host === agent.host)) return "name-taken";
      if (others(replaces).some((other) => other.publicKey === agent.publicKey)) return "key-taken";
      tokens.set(token.id, { ...token, uses: token.uses + 1 });
      for (const id of replaces) {
        const old = agents.get(id);
        if (old !== undefined && live(old)) agents.set(id, { ...old, revokedAt: agent.enrolledAt });
      }
      agents.set(agent.id, agent);
      return "enrolled";
    },
    async update(changes) {
      for (const change of changes) {
        const agent = agents.get(change.id);
        if (agent !== undefined) agents.set(change.id, { ...agent, ...change });
      }
    },
    async setAcked(id, seq) {
      const agent = agents.get(id);
      if (agent !== undefined && seq > agent.acked) agents.set(id, { ...agent, acked: seq });
    },
    async addToken(token) {
      tokens.set(token.id, token);
    },
    token: async (id) => tokens.get(id),
    tokens: async () => [...tokens.values()],
    async revokeToken(id, at) {
      const token = tokens.get(id);
      if (token !== undefined && token.revokedAt === undefined) tokens.set(id, { ...token, revokedAt: at });
      return token !== undefined;
    },
  };
}
