import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Who } from "./permissions.ts";
import { seconds, type State } from "./state.ts";

/** A login that was refused: what the status line says. */
export class Unauthorized extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "Unauthorized";
  }
}

/** Tickets, CSRF values and API tokens of a cluster. */
export interface Auth {
  /** Who sent it; throws Unauthorized. */
  identify(headers: IncomingHttpHeaders, write: boolean): Who;
  /** A ticket for a user whose password (or older ticket) is right; undefined where it is not. */
  login(user: string, password: string): { readonly ticket: string; readonly csrf: string } | undefined;
}

const ticketSeconds = 2 * 3600;
/** Clocks of nodes differ; a ticket from up to this far ahead is taken. */
const aheadSeconds = 300;

/** Makes it, with a key of its own: tickets of another run are worth nothing. */
export function auth(state: State): Auth {
  const key = randomBytes(32);
  const sign = (text: string): string => createHmac("sha256", key).update(text).digest("base64").replaceAll("=", "");
  const timely = (hex: string): boolean => {
    const age = seconds(state) - Number.parseInt(hex, 16);
    return age < ticketSeconds && age > -aheadSeconds;
  };
  const live = (userId: string): boolean => {
    const user = state.users.get(userId);
    return user !== undefined && user.enable === 1 && (user.expire === 0 || user.expire > seconds(state));
  };
  const userOfTicket = (ticket: string): string | undefined => {
    const [, plain, user, time, signature] = /^(PVE:([^:]+):([0-9A-F]{8}))::(.+)$/.exec(ticket) ?? [];
    return plain !== undefined && same(sign(plain), signature!) && timely(time!) && live(user!) ? user : undefined;
  };
  const stamp = (): string => seconds(state).toString(16).toUpperCase().padStart(8, "0");

  const ofToken = (given: string): Who => {
    const [, user, token, secret] = /^([^\s:/!]+@[^\s:/!]+)!([A-Za-z][\w.-]+)[=:](.+)$/.exec(given) ?? [];
    const found = state.users.get(user ?? "")?.tokens.get(token ?? "");
    const good = found !== undefined && live(user!) && same(found.secret, secret!) && (found.expire === 0 || found.expire > seconds(state));
    if (!good) throw new Unauthorized("Authentication failed!");
    return { id: `${user!}!${token!}`, user: user!, token: token!, isRoot: false };
  };

  return {
    identify(headers, write) {
      const token = /^PVEAPIToken[= ](.*)$/.exec(headers.authorization ?? "")?.[1];
      if (token !== undefined) return ofToken(token);
      const ticket = /(?:^|;\s*)PVEAuthCookie=([^;]*)/.exec(headers.cookie ?? "")?.[1];
      if (ticket === undefined) throw new Unauthorized("No ticket");
      const user = userOfTicket(decodeURIComponent(ticket));
      if (user === undefined) throw new Unauthorized("Authentication failed!");
      if (write) {
        const [, time, signature] = /^([0-9A-F]{8}):(.+)$/.exec(String(headers["csrfpreventiontoken"] ?? "")) ?? [];
        if (time === undefined || !timely(time) || !same(sign(`${time}:${user}`), signature!))
          throw new Unauthorized("Permission denied - invalid csrf token");
      }
      return { id: user, user, token: undefined, isRoot: user === "root@pam" };
    },
    login(user, password) {
      if (!live(user)) return undefined;
      if (userOfTicket(password) !== user && !same(state.users.get(user)?.password ?? "", password)) return undefined;
      const time = stamp(),
        plain = `PVE:${user}:${time}`;
      return { ticket: `${plain}::${sign(plain)}`, csrf: `${time}:${sign(`${time}:${user}`)}` };
    },
  };
}

function same(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return expected !== "" && a.length === b.length && timingSafeEqual(a, b);
}
