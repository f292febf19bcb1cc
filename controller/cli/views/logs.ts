import type { Static } from "typebox";
import type { journalProbe } from "../../../schemas/verbs/journal.ts";
import type { Paint } from "../paint.ts";
import { timeText } from "./time.ts";

export type Journal = Static<typeof journalProbe.output>;
export interface HostEntry {
  readonly host: string;
  readonly entry: Journal["entries"][number];
}

/** Lines of the hosts' logs; the host is named where there are several. */
export const logsView =
  (several: boolean) =>
  (entries: readonly HostEntry[], paint: Paint): string =>
    entries
      .map(
        ({ host, entry }) =>
          `${paint("dim", timeText(new Date(entry.at).toISOString()))}${several ? `  ${host}` : ""}${entry.unit === undefined ? "" : `  ${paint("info", entry.unit)}`}  ${(entry.priority ?? 6) <= 3 ? paint("bad", entry.text) : entry.text}`,
      )
      .join("\n");
