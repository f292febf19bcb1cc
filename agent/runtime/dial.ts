import https from "node:https";
import type { SecureContext } from "node:tls";
import type { Clock } from "./clock.ts";
import { credentialsOf, type Trust } from "./credentials.ts";
import type { Identity } from "./identity.ts";
import { type Log, reasonOf } from "./log.ts";
import { openPolling } from "./poll-dial.ts";
import { HttpRefusal } from "./post-json.ts";
import type { Dial, Transport } from "./transport.ts";
import { openWebSocket } from "./ws-dial.ts";

export interface DialOptions {
  readonly identity: Identity;
  readonly clock: Clock;
  readonly log?: Log | undefined;
  /** One context for many agents of a process; without it each makes its own from the identity's authority. */
  readonly secureContext?: SecureContext | undefined;
  /** After how long WebSockets are tried again where they were blocked, milliseconds: at first, and at most. */
  readonly again?: { readonly firstMs: number; readonly longestMs: number } | undefined;
}

const usually = { firstMs: 60_000, longestMs: 3_600_000 };

/** What is known of a controller's address where WebSockets did not get through. */
interface Blocked {
  readonly waitMs: number;
  readonly until: number;
}

/**
 * Opens connections to controllers: a WebSocket, and HTTP long polling where a WebSocket is refused, hangs or carries nothing. What was found is
 * remembered by address; WebSockets are tried again after a while, at the next connection or beside the one that polls, which then gives way.
 */
export function controllerDial({ identity, clock, log = () => {}, secureContext, again = usually }: DialOptions): Dial {
  const trust: Trust = secureContext !== undefined ? { secureContext } : identity.ca === "" ? {} : { ca: identity.ca };
  const credentials = credentialsOf(identity, trust, clock);
  const blocked = new Map<string, Blocked>(),
    unheard = new Map<string, number>();

  const block = (base: string): Blocked => {
    const waitMs = Math.min(again.longestMs, (blocked.get(base)?.waitMs ?? again.firstMs / 2) * 2),
      known = { waitMs, until: clock.now() + waitMs };
    blocked.set(base, known);
    return known;
  };

  const webSocket = async (base: string, signal: AbortSignal): Promise<Transport> => {
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ...trust }),
      secure = base.startsWith("https:");
    try {
      const jwt = await credentials.bearer(base, secure ? agent : undefined, signal);
      return await openWebSocket(base, jwt, { ...trust, ...(secure ? { agent } : {}) }, signal).catch((failure: unknown) => {
        throw isRefusal(failure) || cannotConnect(failure) ? failure : new BlockedHere(failure);
      });
    } catch (failure) {
      if (failure instanceof HttpRefusal) credentials.forget();
      throw failure;
    } finally {
      agent.destroy();
    }
  };

  /** A connection by polls, which looks now and then whether WebSockets get through by now. */
  const poll = async (base: string, signal: AbortSignal): Promise<Transport> => {
    const transport = await openPolling(base, { trust, credentials, clock }, signal),
      over = new AbortController();
    const tryLater = (): void => {
      const { until } = blocked.get(base) ?? block(base);
      const cancel = clock.after(Math.max(0, until - clock.now()), () => {
        webSocket(base, over.signal).then(
          (better) => {
            better.close("WebSockets get through");
            if (over.signal.aborted) return;
            blocked.delete(base);
            log("info", "WebSockets get through again", { controller: base });
            transport.close("WebSockets get through again");
          },
          () => {
            if (over.signal.aborted) return;
            block(base);
            tryLater();
          },
        );
      });
      over.signal.addEventListener("abort", cancel, { once: true });
    };
    return onEnd(transport, { begun: tryLater, ended: () => over.abort() });
  };

  return async (base, signal) => {
    const known = blocked.get(base);
    if (known !== undefined && clock.now() < known.until) return poll(base, signal);
    try {
      return heardOf(await webSocket(base, signal), {
        heard: () => {
          blocked.delete(base);
          unheard.delete(base);
        },
        unheard: () => {
          const times = (unheard.get(base) ?? 0) + 1;
          unheard.set(base, times);
          if (times >= tooOftenUnheard) block(base);
        },
      });
    } catch (failure) {
      if (!(failure instanceof BlockedHere) || signal.aborted) throw failure;
      const { waitMs } = block(base);
      const transport = await poll(base, signal).catch(() => {
        // Nothing gets through: that is no matter of WebSockets.
        blocked.delete(base);
        throw failure.cause;
      });
      log("warn", "WebSockets are blocked: long polling instead", { controller: base, reason: reasonOf(failure.cause), againMs: waitMs });
      return transport;
    }
  };
}

/** The controller was reached, and no WebSocket came about. */
class BlockedHere extends Error {
  constructor(cause: unknown) {
    super("WebSockets are blocked", { cause });
  }
}

/** The controller itself said no. */
const isRefusal = (failure: unknown): boolean =>
  failure instanceof HttpRefusal && String((failure.body as { code?: unknown } | undefined)?.code).startsWith("identity/");

const unreachable = /^(ECONNREFUSED|ENOTFOUND|EAI_|EHOST|ENET|ETIMEDOUT|CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/;
const cannotConnect = (failure: unknown): boolean => unreachable.test(String((failure as { code?: unknown } | null)?.code));

/** The same transport; `begun` once somebody listens for its end, `ended` at it. */
function onEnd(transport: Transport, { begun, ended }: { readonly begun: () => void; readonly ended: () => void }): Transport {
  const { onClose } = transport;
  return Object.defineProperties(transport, {
    onClose: {
      value: (handler: (reason: string) => void) => {
        begun();
        onClose((reason) => {
          ended();
          handler(reason);
        });
      },
    },
  });
}

/** So many WebSockets in a row that opened and carried nothing: a controller that stopped in that very moment is no proxy. */
const tooOftenUnheard = 2;
/** How a WebSocket ended of which the other side's farewell did not come. */
const noFarewell = "code 1006";

/** The same transport; says whether it ever carried something before it ended: some that stand between let a WebSocket open, and nothing through. */
function heardOf(transport: Transport, { heard, unheard }: { readonly heard: () => void; readonly unheard: () => void }): Transport {
  const { onMessage, onClose } = transport;
  let something = false;
  return Object.defineProperties(transport, {
    onMessage: {
      value: (handler: (text: string) => void) =>
        onMessage((text) => {
          if (!something) heard();
          something = true;
          handler(text);
        }),
    },
    onClose: {
      value: (handler: (reason: string) => void) =>
        onClose((reason) => {
          if (!something && reason === noFarewell) unheard();
          handler(reason);
        }),
    },
  });
}
