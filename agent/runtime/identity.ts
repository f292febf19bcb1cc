import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { error, ProblemError } from "../../schemas/problem.ts";
import { challengeText } from "../../schemas/protocol.ts";
import { writeDurably } from "./durable.ts";

/** Who an agent is to its controller, as enrolment left it in the state folder (0600, one file, so that it is there whole or not at all). */
export interface Identity {
  readonly agent: string;
  readonly host: string;
  readonly controller: string;
  /** Raw Ed25519 public key that signs steps, base64url. */
  readonly controllerKey: string;
  /** The private authority of the controller, PEM; empty where the controller is reached without TLS. */
  readonly ca: string;
  /** Ed25519, PKCS#8 PEM. */
  readonly privateKey: string;
  readonly machineId: string;
  readonly hardwareId?: string | undefined;
}

const fields = ["agent", "host", "controller", "controllerKey", "ca", "privateKey", "machineId"] as const;

export const identityPath = (stateDir: string): string => join(stateDir, "identity.json");

/** Reads the identity; undefined where the agent has not been enrolled. */
export async function loadIdentity(stateDir: string): Promise<Identity | undefined> {
  const path = identityPath(stateDir);
  const text = await readFile(path, "utf8").catch((failure: NodeJS.ErrnoException) => {
    if (failure.code === "ENOENT") return undefined;
    throw new ProblemError(error("agent/identity", `Unable to read ${path}: ${failure.code ?? failure.message}`));
  });
  if (text === undefined) return undefined;
  const identity = parse(text);
  if (identity === undefined || fields.some((field) => typeof identity[field] !== "string"))
    throw new ProblemError(
      error("agent/identity", `Unable to read ${path}: it is damaged`, { hint: "enrol this agent again with a new join token" }),
    );
  return identity as unknown as Identity;
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

export const saveIdentity = (stateDir: string, identity: Identity): Promise<void> =>
  writeDurably(identityPath(stateDir), `${JSON.stringify(identity)}\n`, 0o600);

/** An Ed25519 key: the private half as PKCS#8 PEM, the public one raw as base64url. */
export interface KeyPair {
  readonly privateKey: string;
  readonly publicKey: string;
}

export const newKey = (): KeyPair => pairOf(generateKeyPairSync("ed25519").privateKey);

/** The pair of a private key in PEM; undefined where the text is none. */
export function keyOf(pem: string): KeyPair | undefined {
  try {
    const key = createPrivateKey(pem);
    return key.asymmetricKeyType === "ed25519" ? pairOf(key) : undefined;
  } catch {
    return undefined;
  }
}

const pairOf = (key: KeyObject): KeyPair => ({
  privateKey: key.export({ type: "pkcs8", format: "pem" }).toString(),
  publicKey: (createPublicKey(key).export({ format: "jwk" }) as { x: string }).x,
});

/** A raw Ed25519 public key (base64url) as a key object. */
export const verifyKeyOf = (raw: string): KeyObject => createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: raw }, format: "jwk" });

/** Signs challenges with the agent's key; signatures are base64. */
export function challengeSigner(identity: Identity): (purpose: "token" | "renew", nonce: string) => string {
  let key: KeyObject | undefined;
  return (purpose, nonce) =>
    sign(null, Buffer.from(challengeText(purpose, identity.agent, nonce)), (key ??= createPrivateKey(identity.privateKey))).toString(
      "base64",
    );
}
