import { createPublicKey, type KeyObject } from "node:crypto";

/** The key object of a raw Ed25519 public key in base64url (RFC 8037); undefined where it is none. */
export function publicKeyOf(raw: string): KeyObject | undefined {
  if (!/^[A-Za-z0-9_-]{43}$/.test(raw)) return undefined;
  try {
    return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: raw }, format: "jwk" });
  } catch {
    return undefined;
  }
}
