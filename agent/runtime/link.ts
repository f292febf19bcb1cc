import { error } from "../../schemas/problem.ts";
import { type AgentMessage, type ControllerMessage, protocolVersion } from "../../schemas/protocol.ts";
import type { CloseReason } from "../../schemas/transport.ts";
import { type Clock, pause } from "./clock.ts";
import { readMessage } from "./incoming.ts";
import { type Log, reasonOf } from "./log.ts";
import { HttpRefusal } from "./post-json.ts";
import type { Dial, Transport } from "./transport.ts";

type Welcome = Extract<ControllerMessage, { type: "welcome" }>;

/** Whether the controller is there, since when, and why not. */
export interface LinkState {
  readonly connected: boolean;
  readonly controller: string;
  readonly since: number;
  readonly reason?: string | undefined;
}

export interface LinkNeeds {
  /** Base addresses, tried in turn. */
  readonly controllers: readonly string[];
  readonly dial: Dial;
  readonly hello: () => AgentMessage;
  /** Takes a welcome; undefined, or why this is not our controller. */
  readonly welcomed: (welcome: Welcome) => string | undefined;
  readonly received: (message: ControllerMessage) => void;
  readonly closed: () => void;
  readonly changed: (state: LinkState) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** The one connection to a controller, made again whenever it is lost. */
export interface Link {
  /** Whether the message was taken: there is a connection and it is welcome. */
  send(message: AgentMessage): boolean;
  readonly buffered: number;
  stop(): Promise<void>;
}

const welcomeMs = 15_000;
/** A connection on which nothing came for so long is dead; controllers ping more often. */
const silenceMs = 45_000;
/** A controller that takes nothing any more is not worth the memory. */
const maxBuffered = 16 * 1024 * 1024;
const firstWaitMs = 200;
const longestWaitMs = 30_000;
/** A controller that was there a moment ago is soon back: it is restarted, or its host is. */
const longestWaitForKnownMs = 5000;
/** A refusal by the controller (revoked, not allowed, another process has this identity) does not go away within moments. */
const refusedWaitMs = 10_000;
const refusals: readonly string[] = ["revoked", "quarantined", "replaced", "misbehaved"] satisfies CloseReason[];
/** A connection that was welcome for so long counts as good: the next wait is short again. */
const goodMs = 2000;

/** Keeps a connection: exponential back-off with full jitter, after a refused first connect as well. */
export function link(needs: LinkNeeds): Link {
  const { clock, log } = needs;
  const stopping = new AbortController();
  let live: Transport | undefined, welcomedAt: number | undefined;

  const loop = async (): Promise<void> => {
    for (let attempt = 0, turn = 0; !stopping.signal.aborted; turn++) {
      const controller = needs.controllers[turn % needs.controllers.length]!;
      let refused = false,
        reason: string;
      welcomedAt = undefined;
      try {
        const transport = await needs.dial(controller, stopping.signal);
        reason = await session(transport, controller);
        refused = refusals.includes(reason);
      } catch (failure) {
        refused = failure instanceof HttpRefusal && failure.status < 500;
        reason = reasonOf(failure);
      }
      if (stopping.signal.aborted) return;
      // By a clock that nobody sets: the host's own may be put right in between.
      const lasted = welcomedAt === undefined ? undefined : performance.now() - welcomedAt;
      attempt = lasted !== undefined && lasted > goodMs ? 0 : attempt + 1;
      log(attempt < 2 ? "info" : "warn", "not connected", { controller, reason, attempt });
      needs.changed({ connected: false, controller, since: clock.now(), reason });
      const longest = lasted === undefined ? longestWaitMs : longestWaitForKnownMs,
        span = Math.min(longest, firstWaitMs * 2 ** Math.min(attempt, 20));
      await pause(clock, (refused ? refusedWaitMs : 20) + Math.random() * span, stopping.signal);
    }
  };

  /** Lives as long as one connection; answers why it ended. */
  const session = (transport: Transport, controller: string): Promise<string> =>
    new Promise((resolve) => {
      let heard = clock.now(),
        welcome = false;
      const cancelWelcome = clock.after(welcomeMs, () => {
        if (!welcome) transport.close("no welcome");
      });
      let cancelSilence = (): void => {};
      const listen = (): void => {
        cancelSilence = clock.after(Math.max(1, heard + silenceMs - clock.now()), () => {
          if (clock.now() - heard >= silenceMs) transport.close("nothing came for 45 s");
          else listen();
        });
      };
      const stop = (): void => transport.close("the agent stops");
      stopping.signal.addEventListener("abort", stop, { once: true });

      const greet = (message: Welcome): void => {
        const wrong =
          message.protocol === protocolVersion
            ? needs.welcomed(message)
            : `the controller speaks protocol ${message.protocol}, this agent ${protocolVersion}`;
        if (wrong !== undefined) {
          log("error", "unable to use this controller", { controller, reason: wrong });
          return transport.close(wrong);
        }
        welcome = true;
        welcomedAt = performance.now();
        live = transport;
        log("info", "connected", { controller, ms: clock.now() - begun });
        needs.changed({ connected: true, controller, since: clock.now() });
      };
      const begun = clock.now();
      transport.onMessage((text) => {
        heard = clock.now();
        const read = readMessage(text);
        if ("problem" in read) return transport.send(JSON.stringify({ type: "problem", ...read } satisfies AgentMessage));
        const { message } = read;
        if (message.type === "welcome") return greet(message);
        if (message.type === "problem")
          return log("warn", "the controller reports a problem", { code: message.problem.code, summary: message.problem.summary });
        if (message.type === "ping")
          transport.send(JSON.stringify({ type: "pong", id: message.id, time: clock.now() } satisfies AgentMessage));
        if (welcome) needs.received(message);
        else if (message.type !== "ping")
          transport.send(
            JSON.stringify({
              type: "problem",
              problem: error("message/order", "Unable to use the message: no welcome came before it"),
              about: message.type,
            } satisfies AgentMessage),
          );
      });
      transport.onClose((reason) => {
        cancelWelcome();
        cancelSilence();
        stopping.signal.removeEventListener("abort", stop);
        if (live === transport) live = undefined;
        if (welcome) needs.closed();
        resolve(reason);
      });
      listen();
      transport.send(JSON.stringify(needs.hello()));
    });

  const over = loop();
  return {
    get buffered() {
      return live?.buffered ?? 0;
    },
    send(message) {
      if (live === undefined) return false;
      if (live.buffered > maxBuffered) {
        live.close("the controller takes nothing");
        return false;
      }
      live.send(JSON.stringify(message));
      return true;
    },
    async stop() {
      stopping.abort();
      await over;
    },
  };
}
