import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { ApiToken, ApiTokenStore } from "./tokens.ts";

/** `bai_ID_SECRET`: 16 hex digits, then 256 random bits as base64url. */
const shape = /^bai_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

const digest = (secret: string): Buffer => createHash("sha256").update(secret).digest();

/** A new secret: what the caller shows once, and what is kept of it. */
export function mintToken(): { readonly secret: string; readonly id: string; readonly secretHash: string } {
  const id = randomBytes(8).toString("hex"),
    secret = `bai_${id}_${randomBytes(32).toString("base64url")}`;
  return { secret, id, secretHash: digest(secret).toString("hex") };
}

/** The token that a secret belongs to, unless it is unknown, revoked or expired at `now`; compared in constant time. */
export async function tokenOf(tokens: ApiTokenStore, secret: string, now: number): Promise<ApiToken | undefined> {
  const id = shape.exec(secret)?.[1];
  if (id === undefined) return undefined;
  const token = await tokens.get(id);
  if (token === undefined || !timingSafeEqual(digest(secret), Buffer.from(token.secretHash, "hex"))) return undefined;
  const over = token.revokedAt !== undefined || (token.expiresAt !== undefined && token.expiresAt <= now);
  return over ? undefined : token;
}
