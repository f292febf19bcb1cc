import { open, stat } from "node:fs/promises";
import type { HostEvent } from "../../../schemas/report.ts";
import type { By } from "../../runtime/verbs.ts";
import { PathWatch } from "../files/watch.ts";
import { maskSecrets } from "../mask.ts";
import { sleep } from "../sleep.ts";

export const historyLog = "/var/log/apt/history.log";
/** Given to apt by us, so that its history tells our runs from others'. */
export const ownMark = ["-o", "BackendAI::Agent=1"] as const;
const maxPiece = 262_144;

/** An entry of apt's history: `Commandline:` and, where sudo was used, `Requested-By: alice (1000)`. Undefined where it is our own. */
export function authorIn(entry: string): By | undefined {
  const command = /^Commandline: (.+)$/m.exec(entry)?.[1];
  if (command === undefined || command.includes(ownMark[1])) return undefined;
  const person = /^Requested-By: (\S+) \([0-9]+\)$/m.exec(entry)?.[1];
  return { who: person ?? "root", how: maskSecrets(command).slice(0, 500) };
}

/** Events of the finished entries in a piece of the history, and how many characters they take. */
export function changesIn(text: string, at: number): { readonly events: HostEvent[]; readonly read: number } {
  const events: HostEvent[] = [];
  let read = 0;
  for (const match of text.matchAll(/^Start-Date:[\s\S]*?^End-Date:.*\n/gm)) {
    read = match.index + match[0].length;
    const by = authorIn(match[0]);
    const changes = [...match[0].matchAll(/^(Install|Upgrade|Downgrade|Remove|Purge|Reinstall): (.+)$/gm)];
    if (by === undefined || changes.length === 0) continue;
    const names = changes.flatMap(([, , list = ""]) => [...list.matchAll(/([a-z0-9][a-z0-9+.-]*):[a-z0-9-]+ \(/g)].map(([, name]) => name));
    const what = changes.map(([, verb = "", list = ""]) => `${verb.toLowerCase()} ${list.slice(0, 1000)}`).join("; ");
    events.push({ at, type: "packages-changed", subject: names.slice(0, 10).join(" "), text: `${by.who} by ${by.how}: ${what}` });
  }
  return { events, read };
}

/** Tells what apt does for others than us from now on, by its history; a history that was rotated is read from its start. */
export async function tellPackageChanges(emit: (event: HostEvent) => void, path = historyLog): Promise<() => void> {
  const sizeOf = () =>
    stat(path).then(
      ({ size }) => size,
      () => 0,
    );
  let from = await sizeOf(),
    reading: Promise<void> | undefined,
    again = false;
  const read = async (): Promise<void> => {
    const size = await sizeOf();
    if (size < from) from = 0;
    if (size === from) return;
    const file = await open(path, "r");
    try {
      const start = Math.max(from, size - maxPiece);
      const bytes = Buffer.alloc(size - start);
      await file.read(bytes, 0, bytes.length, start);
      // As latin1 a character is a byte: entries are counted in bytes.
      const { events, read: taken } = changesIn(bytes.toString("latin1"), Date.now());
      from = start + taken;
      for (const event of events) emit(event);
    } finally {
      await file.close();
    }
  };
  const look = (): void => {
    again = true;
    reading ??= (async () => {
      while (again) {
        // Bun tells of writes that follow each other within a millisecond once: what comes then is read with the first.
        await sleep(20);
        again = false;
        await read().catch(() => undefined);
      }
      reading = undefined;
    })();
  };
  const watch = new PathWatch(look);
  await watch.set([path]);
  return () => watch.close();
}
