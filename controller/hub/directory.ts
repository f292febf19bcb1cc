import type { AgentChange, AgentRecord, AgentRegistry, EnrolOutcome } from "./registry.ts";

type Fields = Omit<AgentChange, "id">;

/** Every agent's record in memory, written through to the registry: looking one up costs no I/O. */
export interface AgentDirectory {
  get(id: string): AgentRecord | undefined;
  all(): IterableIterator<AgentRecord>;
  /** The agent that is not revoked and has this host name, or this public key. */
  byHost(host: string): AgentRecord | undefined;
  byKey(publicKey: string): AgentRecord | undefined;
  enrol(agent: AgentRecord, replaces: readonly string[]): Promise<EnrolOutcome>;
  /** In force at once, on disk when it resolves. */
  change(id: string, fields: Fields): Promise<void>;
  /** In force at once, on disk with the next `flush`: for what may be lost (when an agent was last seen). */
  note(id: string, fields: Fields): void;
  flush(): Promise<void>;
  setAcked(id: string, seq: number): Promise<void>;
}

/** Reads the registry once. */
export async function openDirectory(registry: AgentRegistry): Promise<AgentDirectory> {
  const records = new Map((await registry.agents()).map((agent) => [agent.id, agent]));
  const noted = new Map<string, AgentChange>();
  const set = (id: string, fields: Partial<AgentRecord>): void => {
    const record = records.get(id);
    if (record !== undefined) records.set(id, { ...record, ...fields });
  };
  const live = (test: (agent: AgentRecord) => boolean) => records.values().find((agent) => agent.revokedAt === undefined && test(agent));
  return {
    get: (id) => records.get(id),
    all: () => records.values(),
    byHost: (host) => live((agent) => agent.host === host),
    byKey: (publicKey) => live((agent) => agent.publicKey === publicKey),
    async enrol(agent, replaces) {
      const outcome = await registry.enrol(agent, replaces);
      if (outcome !== "enrolled") return outcome;
      for (const id of replaces) set(id, { revokedAt: agent.enrolledAt });
      records.set(agent.id, agent);
      return outcome;
    },
    async change(id, fields) {
      set(id, fields);
      await registry.update([{ id, ...fields }]);
    },
    note(id, fields) {
      set(id, fields);
      noted.set(id, { ...noted.get(id), id, ...fields });
    },
    async flush() {
      if (noted.size === 0) return;
      const changes = [...noted.values()];
      noted.clear();
      await registry.update(changes);
    },
    async setAcked(id, seq) {
      set(id, { acked: Math.max(seq, records.get(id)?.acked ?? 0) });
      await registry.setAcked(id, seq);
    },
  };
}
