import { jwtVerify, SignJWT } from "jose";
import { error, type Problem } from "../../schemas/problem.ts";

const algorithm = "HS256";
const audience = "backend-ai/agent";
const lifeSeconds = 15 * 60;

/** Short-lived tokens with which an agent opens its connection. The controller alone makes and reads them, so one symmetric key does. */
export interface AgentJwt {
  issue(agent: string): Promise<{ readonly jwt: string; readonly expiresAt: number }>;
  /** `expiresAt`: milliseconds since the epoch. Every algorithm but HS256, `none` among them, is refused. */
  verify(jwt: string): Promise<{ readonly agent: string; readonly expiresAt: number } | Problem>;
}

/** `now`: milliseconds since the epoch. */
export function agentJwt(secret: Uint8Array, controller: string, now: () => number): AgentJwt {
  return {
    async issue(agent) {
      const seconds = Math.floor(now() / 1000),
        expires = seconds + lifeSeconds;
      const jwt = await new SignJWT()
        .setProtectedHeader({ alg: algorithm, typ: "JWT" })
        .setIssuer(controller)
        .setAudience(audience)
        .setSubject(agent)
        .setIssuedAt(seconds)
        .setExpirationTime(expires)
        .sign(secret);
      return { jwt, expiresAt: expires * 1000 };
    },
    async verify(jwt) {
      try {
        const { payload } = await jwtVerify(jwt, secret, {
          algorithms: [algorithm],
          issuer: controller,
          audience,
          requiredClaims: ["sub", "exp"],
          currentDate: new Date(now()),
        });
        return { agent: payload.sub as string, expiresAt: (payload.exp as number) * 1000 };
      } catch (cause) {
        if ((cause as { code?: string }).code === "ERR_JWT_EXPIRED")
          return error("identity/jwt-expired", "Unable to open the connection: the token has expired", { retry: "later" });
        return error("identity/jwt-invalid", "Unable to open the connection: the token is not one of this controller's", {
          retry: "later",
        });
      }
    },
  };
}
