import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { error, type Problem } from "../../schemas/problem.ts";
import type { TokenPreset, TokenRecord } from "./registry.ts";

/** What a new join token is to allow. Times in milliseconds. */
export interface TokenWish {
  readonly ttlMs: number;
  readonly maxUses: number;
  readonly by: string;
  readonly preset?: Partial<TokenPreset> | undefined;
}

const form = /^bai_([0-9a-f]{12})_([A-Za-z0-9_-]{32})$/;
const sha256 = (text: string): Buffer => createHash("sha256").update(text, "utf8").digest();
const nothing = sha256("");

/** A new join token `bai_ID_SECRET` (192 random bits) and the record to keep, which does not hold the secret. */
export function makeJoinToken(wish: TokenWish, now: number): { readonly token: string; readonly record: TokenRecord } {
  const id = randomBytes(6).toString("hex"),
    secret = randomBytes(24).toString("base64url");
  const { host, tags = [], labels = {}, replace = false } = wish.preset ?? {};
  const record: TokenRecord = {
    id,
    secretHash: sha256(secret).toString("hex"),
    createdAt: now,
    createdBy: wish.by,
    expiresAt: now + wish.ttlMs,
    maxUses: wish.maxUses,
    uses: 0,
    preset: { host, tags, labels, replace },
  };
  return { token: `bai_${id}_${secret}`, record };
}

/** The id of a join token, for looking up its record; undefined where the text is no join token. */
export const joinTokenId = (token: string): string | undefined => form.exec(token)?.[1];

/**
 * Why a join token may not be used, or undefined. Whether it is used up is told apart (`enrol/token-used-up`), since the
 * machine that used it may ask again. The secret is compared in constant time, and first: nothing is said about a token to one who does not hold it.
 */
export function checkJoinToken(token: string, record: TokenRecord | undefined, now: number): Problem | undefined {
  const secret = form.exec(token)?.[2];
  if (secret === undefined) return tokenProblem("malformed");
  const same = timingSafeEqual(sha256(secret), record === undefined ? nothing : Buffer.from(record.secretHash, "hex"));
  if (record === undefined) return tokenProblem("unknown");
  if (!same) return tokenProblem("wrong");
  if (record.revokedAt !== undefined) return tokenProblem("revoked");
  if (record.expiresAt <= now) return tokenProblem("expired");
  return record.uses >= record.maxUses ? tokenProblem("used-up") : undefined;
}

const reasons = {
  malformed: "it is not a join token (bai_…); it may have been cut when it was copied",
  unknown: "this controller never gave out such a token",
  wrong: "its secret is wrong; it may have been cut or changed when it was copied",
  expired: "it has expired",
  "used-up": "it has been used as often as it may be",
  revoked: "it was revoked",
} as const;

/** The problem of a join token that cannot be used. */
export const tokenProblem = (why: keyof typeof reasons): Problem =>
  error(`enrol/token-${why}`, `Unable to enrol: the join token cannot be used: ${reasons[why]}`, {
    hint: "`backend-ai enrol` on the controller makes a new one.",
  });
