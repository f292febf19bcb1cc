import { request } from "node:http";
import { createInterface } from "node:readline";
import type { EventView } from "../../schemas/api.ts";

/** An event as it reached whoever follows: with when, in milliseconds since the epoch and their fractions. */
export interface Arrived {
  readonly event: EventView;
  readonly at: number;
}

/** Follows the controller's events from now on through a Unix socket; resolves once they come, with what ends it. */
export function followEvents(socketPath: string, token: string, onEvent: (arrived: Arrived) => void): Promise<() => void> {
  const headers = { host: "localhost", accept: "text/event-stream", authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: "/api/v1/events", headers, agent: false }, (answer) => {
      if (answer.statusCode !== 200) return reject(new Error(`Unable to follow events: ${answer.statusCode}`));
      const lines = createInterface(answer).on("error", () => undefined);
      lines.on("line", (line) => {
        if (!line.startsWith("data: ")) return;
        const at = performance.timeOrigin + performance.now(),
          event = JSON.parse(line.slice("data: ".length)) as EventView;
        if (event.type !== undefined) onEvent({ event, at });
      });
      resolve(() => asked.destroy());
    });
    asked.on("error", reject);
    asked.end();
  });
}
