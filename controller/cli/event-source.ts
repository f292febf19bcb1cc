import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import type { EventView } from "../../schemas/api.ts";
import { ProblemError } from "../../schemas/problem.ts";
import type { Http } from "./http.ts";

/** Events after a number as they come, until the signal; a broken connection is made again from the last one. The first one that fails is told. */
export async function* followStream(http: Http, path: string, after: number, signal: AbortSignal): AsyncGenerator<EventView> {
  let last = after,
    connected = false;
  while (!signal.aborted) {
    try {
      const body = await http.stream(path, last, signal);
      connected = true;
      for await (const event of eventsIn(body)) {
        last = event.n;
        yield event;
      }
    } catch (cause) {
      if (signal.aborted) return;
      // A refusal (a revoked token) stays one; a controller that restarts comes back.
      const problem = cause instanceof ProblemError ? cause.problems[0] : undefined;
      if (!connected || (problem !== undefined && problem.retry === "never")) throw cause;
    }
    await pause(1000, undefined, { signal }).catch(() => undefined);
  }
}

async function* eventsIn(body: Readable): AsyncGenerator<EventView> {
  let data = "",
    kind = "message";
  for await (const line of createInterface({ input: body, crlfDelay: Infinity })) {
    if (line.startsWith("data:")) data += line.slice(5).trimStart();
    else if (line.startsWith("event:")) kind = line.slice(6).trim();
    else if (line === "") {
      if (data !== "" && kind === "message") yield JSON.parse(data) as EventView;
      [data, kind] = ["", "message"];
    }
  }
}
