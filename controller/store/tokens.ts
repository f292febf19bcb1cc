import type { Role } from "./plans.ts";

/** A token of the API as it is kept: the secret itself is nowhere. */
export interface ApiToken {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  /** SHA-256 of the secret, hex. */
  readonly secretHash: string;
  readonly createdAt: number;
  readonly createdBy: string;
  /** Absent: it does not expire. */
  readonly expiresAt?: number | undefined;
  readonly revokedAt?: number | undefined;
}

export interface ApiTokenStore {
  /** Resolves to false, and keeps nothing, where a token of this name (upper and lower case are one) is neither revoked nor expired at `createdAt`. */
  add(token: ApiToken): Promise<boolean>;
  get(id: string): Promise<ApiToken | undefined>;
  list(): Promise<readonly ApiToken[]>;
  /** Resolves to false where there is no such token; the first moment stays. */
  revoke(id: string, at: number): Promise<boolean>;
}
