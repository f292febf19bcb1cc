import { formOf } from "./form.ts";
import type { Endpoint } from "./endpoint.ts";
import { failureOf, PveError } from "./pve-error.ts";

/** Who the client is: an API token (`user@realm!id` and its secret), or a user with a password. */
export type Credentials =
  | { readonly token: string; readonly secret: string }
  | { readonly user: string; readonly password: string; readonly otp?: string | undefined };

/** What proves it on each request. */
export interface Login {
  /** Headers of a request; logs in, or renews a ticket, where that is due. */
  headers(endpoint: Endpoint, write: boolean): Promise<Readonly<Record<string, string>>>;
  /** The server does not take what was given: forgets the ticket. False where asking again cannot help. */
  refused(): boolean;
  readonly who: string;
}

/** A ticket is valid for two hours; it is renewed after one (PVE::AccessControl). */
const ticketMs = 3_600_000;

/** Proves who the client is, by token or by tickets that it renews by itself. */
export function login(credentials: Credentials, now: () => number): Login {
  if ("token" in credentials) {
    const headers = { Authorization: `PVEAPIToken=${credentials.token}=${credentials.secret}` };
    return { who: credentials.token, headers: () => Promise.resolve(headers), refused: () => false };
  }
  return ticketLogin(credentials, now);
}

interface Ticket {
  readonly ticket: string;
  readonly csrf: string;
  readonly at: number;
}

function ticketLogin({ user, password, otp }: Extract<Credentials, { user: string }>, now: () => number): Login {
  let held: Ticket | undefined, renewing: Promise<Ticket> | undefined;
  const fetch = async (endpoint: Endpoint): Promise<Ticket> => {
    // A ticket that still holds is exchanged for a new one; the password is said only where there is none.
    const secret = held !== undefined && now() - held.at < 2 * ticketMs - 60_000 ? held.ticket : password;
    const { status, statusText, text } = await endpoint.exchange({
      method: "POST",
      path: "/api2/json/access/ticket",
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
      body: formOf({ username: user, password: secret, otp }),
      timeoutMs: 30_000,
    });
    if (status !== 200) {
      held = undefined;
      throw new PveError({
        kind: status === 401 ? "login" : failureOf(status, statusText),
        text: statusText,
        status,
        request: "POST /access/ticket",
      });
    }
    const { ticket, CSRFPreventionToken } = (JSON.parse(text) as { data: { ticket: string; CSRFPreventionToken: string } }).data;
    if (ticket.startsWith("PVE:!tfa!"))
      throw new PveError({
        kind: "login",
        text: "the user has a second factor; use an API token",
        request: "POST /access/ticket",
      });
    return { ticket, csrf: CSRFPreventionToken, at: now() };
  };
  return {
    who: user,
    async headers(endpoint, write) {
      if (held === undefined || now() - held.at > ticketMs || now() < held.at) {
        renewing ??= fetch(endpoint).finally(() => (renewing = undefined));
        held = await renewing;
      }
      const cookie = { Cookie: `PVEAuthCookie=${encodeURIComponent(held.ticket)}` };
      return write ? { ...cookie, CSRFPreventionToken: held.csrf } : cookie;
    },
    refused() {
      if (held === undefined) return false;
      held = undefined;
      return true;
    },
  };
}
