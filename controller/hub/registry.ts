/** What a join token settles beforehand for the host that uses it. */
export interface TokenPreset {
  /** The host's name; without it the machine's own host name. */
  readonly host?: string | undefined;
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** The agent that has the name now is revoked in favour of the new one. */
  readonly replace: boolean;
}

/** What an agent said of itself in its last hello. */
export interface AgentProfile {
  readonly version: string;
  readonly platform: { readonly os: string; readonly arch: string; readonly init: string; readonly libc?: string | undefined };
  readonly verbs: readonly string[];
  readonly bootId: string;
}

/** A second machine that showed an agent's key: it gets no identity until somebody decides. */
export interface Clone {
  readonly machineId: string;
  readonly hardwareId?: string | undefined;
  /** Milliseconds since the epoch, as all times here. */
  readonly seenAt: number;
}

/** An enrolled agent. `id` is random and never used again; `host` is unique among agents that are not revoked. */
export interface AgentRecord {
  readonly id: string;
  readonly host: string;
  /** Raw Ed25519 public key, base64url; unique among agents that are not revoked. */
  readonly publicKey: string;
  readonly machineId: string;
  readonly hardwareId?: string | undefined;
  /** Tags and labels that the join token gave; never from the agent itself. */
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Id of the join token that let it in. */
  readonly token: string;
  readonly enrolledAt: number;
  readonly revokedAt?: number | undefined;
  readonly clones: readonly Clone[];
  readonly lastSeen?: number | undefined;
  /** Milliseconds to add to a time of the host's clock to get the controller's. */
  readonly clockOffset?: number | undefined;
  readonly profile?: AgentProfile | undefined;
  /** Highest report number that is stored. */
  readonly acked: number;
}

/** Fields of one agent's record that changed after its enrolment; a field that is absent stays as it is. */
export interface AgentChange extends Partial<Pick<AgentRecord, "revokedAt" | "clones" | "lastSeen" | "clockOffset" | "profile">> {
  readonly id: string;
}

/** A join token as it is kept: the secret itself is nowhere. */
export interface TokenRecord {
  readonly id: string;
  /** SHA-256 of the secret, hex. */
  readonly secretHash: string;
  readonly createdAt: number;
  readonly createdBy: string;
  readonly expiresAt: number;
  readonly maxUses: number;
  readonly uses: number;
  readonly revokedAt?: number | undefined;
  readonly preset: TokenPreset;
}

/** `used-up`, `revoked`: the token was, when it came to counting; `name-taken`, `key-taken`: by a live agent that is not among `replaces`. */
export type EnrolOutcome = "enrolled" | "used-up" | "revoked" | "name-taken" | "key-taken";

/**
 * What the hub must not forget: on disk before a promise resolves. Agents are never deleted, only revoked.
 * Every implementation passes `describeRegistry` (registry.contract.ts).
 */
export interface AgentRegistry {
  /** All agents, revoked ones too; read once at start and kept by the hub. */
  agents(): Promise<readonly AgentRecord[]>;
  /** In one transaction: counts a use of the token `agent.token`, revokes the agents `replaces` at `agent.enrolledAt`, adds the agent. Nothing is changed unless the outcome is `enrolled`. */
  enrol(agent: AgentRecord, replaces: readonly string[]): Promise<EnrolOutcome>;
  /** Sets the given fields of some agents, all in one transaction; an unknown id is ignored. */
  update(changes: readonly AgentChange[]): Promise<void>;
  /** Raises the highest stored report number, never lowers it. A store that wrote it with the facts has nothing left to do here. */
  setAcked(agent: string, seq: number): Promise<void>;

  addToken(token: TokenRecord): Promise<void>;
  token(id: string): Promise<TokenRecord | undefined>;
  tokens(): Promise<readonly TokenRecord[]>;
  /** Resolves to false where there is no such token. */
  revokeToken(id: string, at: number): Promise<boolean>;
}
