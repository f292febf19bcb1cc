import type { Agent as HttpAgent } from "node:http";
import type { SecureContext } from "node:tls";
import type { Static } from "typebox";
import type { ChallengeAnswer, PollOpened, PollReceived, PollSent, TokenAnswer } from "../../schemas/protocol.ts";
import type { Clock } from "./clock.ts";
import { challengeSigner, type Identity } from "./identity.ts";
import { postJson } from "./post-json.ts";
import type { ShapeName } from "./shapes.ts";
import { wrongWith } from "./validate.ts";

/** How long an answer of the controller may take, milliseconds. */
export const patience = 10_000;
/** A JWT that ends so soon is not used any more. */
const marginMs = 30_000;

/** Whom TLS trusts: one authority, or a context that has it. */
export type Trust = { readonly ca?: string; readonly secureContext?: SecureContext };

/** Shows who the agent is: a signed challenge buys a short-lived JWT, which is kept while it is good. */
export interface Credentials {
  /** The JWT for a controller at this base address; throws where there is none to be had. */
  bearer(base: string, agent: HttpAgent | undefined, signal: AbortSignal): Promise<string>;
  /** The controller did not take it. */
  forget(): void;
}

export function credentialsOf(identity: Identity, trust: Trust, clock: Clock): Credentials {
  const sign = challengeSigner(identity),
    { machineId, hardwareId } = identity;
  let token: Static<typeof TokenAnswer> | undefined;
  return {
    async bearer(base, agent, outer) {
      if (token !== undefined && token.expiresAt > clock.now() + marginMs) return token.jwt;
      const options = { ...trust, agent, signal: AbortSignal.any([outer, AbortSignal.timeout(patience)]) };
      const { nonce } = checked("answer challenge", await postJson(`${base}/agent/v1/challenge`, { agent: identity.agent }, options));
      const request = {
        agent: identity.agent,
        nonce,
        signature: sign("token", nonce),
        machineId,
        ...(hardwareId === undefined ? {} : { hardwareId }),
      };
      token = checked("answer token", await postJson(`${base}/agent/v1/token`, request, options));
      return token.jwt;
    },
    forget() {
      token = undefined;
    },
  };
}

interface Answers {
  "answer challenge": Static<typeof ChallengeAnswer>;
  "answer token": Static<typeof TokenAnswer>;
  "answer opened": Static<typeof PollOpened>;
  "answer sent": Static<typeof PollSent>;
  "answer received": Static<typeof PollReceived>;
}

/** An answer of the controller that has its form; throws where it has not. */
export function checked<N extends keyof Answers & ShapeName>(name: N, value: unknown): Answers[N] {
  const wrong = wrongWith(name, value);
  if (wrong !== undefined) throw new Error(`the controller's answer is not one of our protocol (${wrong})`);
  return value as Answers[N];
}
