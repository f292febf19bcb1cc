import { readFile } from "node:fs/promises";
import type { Ask } from "../../schemas/contract.ts";
import { writeDurably } from "./durable.ts";
import { type Log, reasonOf } from "./log.ts";

/** What the controller last told us to watch, so that a restarted agent goes on watching where it cannot be reached. */
export interface WatchList {
  load(): Promise<readonly Ask[]>;
  save(asks: () => readonly Ask[]): void;
}

/** Keeps the list in a file; a file that cannot be read or written costs nothing but the time until the next connection. */
export function fileWatchList(path: string, log: Log): WatchList {
  let latest: (() => readonly Ask[]) | undefined,
    writing = false;
  const write = async (): Promise<void> => {
    writing = true;
    while (latest !== undefined) {
      const asks = latest();
      latest = undefined;
      await writeDurably(path, JSON.stringify(asks), 0o600).catch((failure: unknown) =>
        log("warn", "unable to keep the watch list", { path, reason: reasonOf(failure) }),
      );
    }
    writing = false;
  };
  return {
    async load() {
      try {
        const asks: unknown = JSON.parse(await readFile(path, "utf8"));
        return Array.isArray(asks) ? asks.filter(isAsk) : [];
      } catch {
        return [];
      }
    },
    save(asks) {
      latest = asks;
      if (!writing) void write();
    },
  };
}

const isAsk = (value: unknown): value is Ask =>
  typeof value === "object" && value !== null && typeof (value as Ask).probe === "string" && "input" in value;
