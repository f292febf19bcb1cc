import { isIP } from "node:net";
import type { FastifyRequest } from "fastify";
import { error, ProblemError } from "../../schemas/problem.ts";

/**
 * Refuses what a page of somebody else could make a browser ask for: a Host header that is not ours (DNS rebinding) or an origin that
 * is not this one. Called where there is no token, which no such page has; throws `forbidden/host` or `forbidden/origin`.
 */
export function checkOrigin(request: FastifyRequest, hosts: readonly string[]): void {
  const host = request.headers.host ?? "";
  if (!isOurs(nameOf(host), hosts)) {
    throw new ProblemError(
      error(
        "forbidden/host",
        "Unable to answer under this name without a token: the Host header names no address and none of the controller's names",
        { hint: "Add the name to `hosts` of the API's settings, or ask with a token." },
      ),
    );
  }
  const { origin } = request.headers,
    site = request.headers["sec-fetch-site"];
  const foreign = origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`;
  if (foreign || site === "cross-site" || site === "same-site")
    throw new ProblemError(error("forbidden/origin", "Unable to answer a page of another origin"));
}

/** The name in a Host header, without the port. */
const nameOf = (host: string): string =>
  (host.startsWith("[") ? host.slice(1, host.indexOf("]")) : host.replace(/:\d*$/, "")).toLowerCase();

const isOurs = (name: string, hosts: readonly string[]): boolean =>
  isIP(name) !== 0 || name === "localhost" || name.endsWith(".localhost") || hosts.some((one) => one.toLowerCase() === name);
