import type { Transport } from "./transport.ts";

/** The receiving side of a transport: messages that come before anybody listens wait, and the end is told once, also to who asks later. */
export interface Handover extends Pick<Transport, "onMessage" | "onClose"> {
  message(text: string): void;
  /** Later reasons than the first are left out. */
  end(reason: string): void;
  ended(): boolean;
}

export function createHandover(): Handover {
  let early: string[] | undefined = [];
  let handler = (text: string): void => void early?.push(text);
  let told: string | undefined, tell: ((reason: string) => void) | undefined;
  return {
    message: (text) => handler(text),
    end(reason) {
      if (told !== undefined) return;
      told = reason;
      tell?.(reason);
    },
    ended: () => told !== undefined,
    onMessage(next) {
      handler = next;
      const kept = early ?? [];
      early = undefined;
      for (const text of kept) next(text);
    },
    onClose(next) {
      tell = next;
      if (told !== undefined) next(told);
    },
  };
}
