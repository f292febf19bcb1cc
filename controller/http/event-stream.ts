import { once } from "node:events";
import type { FastifyReply } from "fastify";
import type { EventView } from "../../schemas/api.ts";
import type { Controller } from "../loop/controller.ts";

/** How an event stream behaves. Times in milliseconds. */
export interface StreamTimes {
  readonly heartbeat: number;
  /** A client that takes nothing for so long is closed; it comes back with its Last-Event-ID. */
  readonly drain: number;
}

interface Stream {
  readonly reply: FastifyReply;
  readonly controller: Pick<Controller, "events" | "followEvents">;
  /** Number of the last event that the client has. */
  readonly after: number;
  readonly wanted: (event: EventView) => boolean;
  /** Whether the client may still read: asked once in a heartbeat, however much happens, so that a revoked token ends its streams. */
  readonly allowed: () => Promise<boolean>;
  readonly times: StreamTimes;
}

/**
 * Sends events as they come (server-sent events), beginning after a number. Each wake-up reads the ring from where the client stands and
 * only once the client has taken what it was sent: a slow one holds no memory. `event: gap` tells that some are lost. Resolves when it is over.
 */
export async function streamEvents({ reply, controller, after, wanted, allowed, times }: Stream): Promise<void> {
  const { raw } = reply;
  const bell = doorbell();
  const unfollow = controller.followEvents(bell.ring);
  let open = true;
  const gone = (): void => {
    open = false;
    bell.ring();
  };
  raw.once("close", gone).once("error", gone);
  const send = async (text: string): Promise<void> => {
    if (open && !raw.write(text)) open = await drained(raw, times.drain);
  };
  try {
    await send("retry: 2000\n\n");
    let checked = performance.now();
    for (let last = after; open; ) {
      if (performance.now() - checked >= times.heartbeat) {
        if (!(await allowed())) break;
        checked = performance.now();
      }
      const piece = await controller.events(last, 1000);
      if (piece.gap) await send(`event: gap\ndata: ${JSON.stringify({ after: last })}\n\n`);
      for (const event of piece.events) if (wanted(event)) await send(`id: ${event.n}\ndata: ${JSON.stringify(event)}\n\n`);
      const moved = piece.last > last;
      last = Math.max(last, piece.last);
      if (moved || !open) continue;
      if (await bell.wait(times.heartbeat)) continue;
      await send(`: ${last}\n\n`);
    }
  } finally {
    unfollow();
    raw.destroy();
  }
}

async function drained(raw: FastifyReply["raw"], ms: number): Promise<boolean> {
  const close = new AbortController(),
    timer = setTimeout(() => close.abort(), ms),
    onClose = (): void => close.abort();
  raw.once("close", onClose);
  try {
    await once(raw, "drain", { signal: close.signal });
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
    raw.off("close", onClose);
  }
}

/** Remembers that it rang until somebody asks. `wait` resolves to false where nobody rang in time. */
function doorbell(): { ring(): void; wait(ms: number): Promise<boolean> } {
  let rung = false,
    wake: ((rung: boolean) => void) | undefined;
  return {
    ring() {
      rung = true;
      wake?.(true);
    },
    async wait(ms) {
      if (!rung)
        await new Promise<boolean>((resolve) => {
          const timer = setTimeout(resolve, ms, false);
          wake = (is) => {
            clearTimeout(timer);
            resolve(is);
          };
        });
      const was = rung;
      rung = false;
      wake = undefined;
      return was;
    },
  };
}
