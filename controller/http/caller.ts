import type { FastifyRequest } from "fastify";
import { error, ProblemError } from "../../schemas/problem.ts";
import type { Caller, Controller } from "../loop/controller.ts";
import { type Access, permits } from "./access.ts";
import { checkOrigin } from "./origin.ts";

/** Who may ask without a token: nobody, or, where `requireAuth` is false, whoever is on this very machine. */
export interface CallerRules {
  readonly requireAuth: boolean;
  /** Names, beside addresses and localhost, under which this API may be asked without a token. */
  readonly hosts: readonly string[];
}

const local: Caller = { name: "local", role: "admin" };

/** The secret of an `Authorization: Bearer` header; undefined where there is none. */
export const bearer = (request: FastifyRequest): string | undefined => /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? "")?.[1];

/** Whose token a request shows; undefined without one, or with one that is not good. */
export async function shownBy(request: FastifyRequest, controller: Pick<Controller, "callerOf">): Promise<Caller | undefined> {
  const secret = bearer(request);
  return secret === undefined ? undefined : controller.callerOf(secret);
}

/** The caller of a request that may do what its route asks for; throws `unauthorized/…` or `forbidden/…`. `shown`: whose token it shows. */
export function callerFor(request: FastifyRequest, needed: Access, shown: Caller | undefined, rules: CallerRules): Caller | undefined {
  if (needed === "public") return undefined;
  const secret = bearer(request);
  if (secret === undefined) checkOrigin(request, rules.hosts);
  const caller = secret === undefined ? withoutToken(request, rules) : shown;
  if (caller === undefined) throw new ProblemError(secret === undefined ? noToken : badToken);
  if (permits(caller.role, needed)) return caller;
  throw new ProblemError(
    error("forbidden/role", `Unable to let ${caller.name} do this: it needs the role ${needed}, and ${caller.name} is ${caller.role}`, {
      hint: "An admin makes tokens with other roles: `backend-ai token create NAME --role ROLE`.",
    }),
  );
}

function withoutToken(request: FastifyRequest, rules: CallerRules): Caller | undefined {
  // Behind a proxy on this machine everybody comes from loopback.
  const proxied = ["forwarded", "x-forwarded-for", "x-real-ip", "via"].some((name) => request.headers[name] !== undefined);
  return !rules.requireAuth && !proxied && isLoopback(request.socket.remoteAddress) ? local : undefined;
}

/** Whether an address of a connection is this machine's own loopback. */
export const isLoopback = (address: string | undefined): boolean =>
  address !== undefined && /^(::1|(::ffff:)?127\.\d+\.\d+\.\d+)$/.test(address);

const noToken = error("unauthorized/no-token", "Unable to answer without a token", {
  hint: "Send `Authorization: Bearer TOKEN`; the command line reads BACKEND_AI_TOKEN or its context's token file.",
});
const badToken = error("unauthorized/token", "Unable to answer: the token is unknown, expired or revoked", {
  hint: "An admin makes a new one: `backend-ai token create NAME --role ROLE`.",
});
