import { verify } from "node:crypto";
import type { Static } from "typebox";
import { error, type Problem } from "../../schemas/problem.ts";
import { challengeText, type TokenAnswer, type TokenRequest } from "../../schemas/protocol.ts";
import type { AgentJwt } from "./agent-jwt.ts";
import type { AgentDirectory } from "./directory.ts";
import { sameMachine } from "./machine.ts";
import type { Nonces } from "./nonces.ts";
import { publicKeyOf } from "./public-key.ts";
import type { AgentRecord } from "./registry.ts";

/** What proving an identity needs: `cloned` is told of a second machine with a known key. */
export interface Proving {
  readonly directory: AgentDirectory;
  readonly nonces: Nonces;
  readonly jwt: AgentJwt;
  readonly allowed: (host: string, agent: string) => boolean;
  readonly cloned: (agent: AgentRecord, request: Static<typeof TokenRequest>) => Promise<Problem>;
}

/** Gives an agent a token for its signature over a challenge. Only who holds the key learns that it was revoked. */
export async function prove(request: Static<typeof TokenRequest>, by: Proving): Promise<Static<typeof TokenAnswer> | Problem> {
  const agent = by.directory.get(request.agent);
  if (agent === undefined)
    return error("identity/unknown", "Unable to identify the agent: it is not enrolled with this controller", {
      hint: "Enrol it again with a new join token.",
    });
  if (!by.nonces.fresh(agent.id, request.nonce))
    return error("identity/nonce", "Unable to identify the agent: the challenge is not one of ours, too old, or was used", {
      retry: "later",
    });
  if (!signedBy(agent, "token", request.nonce, request.signature))
    return error("identity/signature", "Unable to identify the agent: the signature is wrong");
  if (!by.nonces.spend(request.nonce))
    return error("identity/nonce", "Unable to identify the agent: the challenge was used", { retry: "later" });
  const shut = refusal(agent, by.allowed);
  if (shut !== undefined) return shut;
  if (!sameMachine(agent, request)) return by.cloned(agent, request);
  return by.jwt.issue(agent.id);
}

/** Whether a signature (base64 or base64url) over a challenge is by the agent's key. */
export function signedBy(agent: AgentRecord, purpose: "token" | "renew", nonce: string, signature: string): boolean {
  const key = publicKeyOf(agent.publicKey),
    bytes = Buffer.from(signature, "base64");
  return key !== undefined && bytes.length === 64 && verify(null, Buffer.from(challengeText(purpose, agent.id, nonce)), key, bytes);
}

/** Why an agent that is known may not connect, or undefined. */
export function refusal(agent: AgentRecord, allowed: Proving["allowed"]): Problem | undefined {
  if (agent.revokedAt !== undefined)
    return error("identity/revoked", `Unable to accept the agent ${agent.id}: it was revoked`, {
      hint: "Enrol the host again with a new join token.",
    });
  if (allowed(agent.host, agent.id)) return undefined;
  return error(
    "identity/not-allowed",
    `Unable to accept the agent ${agent.id}: the controller's ALLOWED_AGENTS does not allow the host ${agent.host}`,
    { retry: "later" },
  );
}
