import type { ProbeInput, ProbeOutput } from "../../../schemas/verbs/index.ts";
import type { JournalEntry, PretendHost } from "../pretend-host.ts";
import { filled } from "./measure.ts";
import type { LogLine } from "./parts.ts";
import { chance } from "./random.ts";
import { stateOf, unitName, unitsOf } from "./units.ts";

const minute = 60_000;
/** Minutes that are looked back for lines: a day. */
const furthest = 1440;

/** A line that a running unit writes now and then. */
interface Habit {
  readonly unit: string;
  readonly since: number;
  readonly line: LogLine;
}

/** Lines of the host's log: what happened to it, and what its services write now and then. */
export function readJournal(host: PretendHost, input: ProbeInput<"journal">): ProbeOutput<"journal"> {
  const unit = input.unit === undefined ? undefined : unitName(host, input.unit);
  const graver = (priority: number, of: string | undefined): boolean =>
    priority <= (input.priority ?? 7) && (unit === undefined || of === unit);
  const wanted = ({ at, text }: JournalEntry): boolean =>
    at >= (input.since ?? 0) && (input.match === undefined || text.includes(input.match));
  const found = host.journal.filter((entry) => graver(entry.priority, entry.unit) && wanted(entry));
  const habits = habitsOf(host).filter((habit) => graver(habit.line[0], habit.unit)),
    now = Math.floor(host.clock.now() / minute);
  const back = habits.length === 0 ? 0 : furthest;
  for (let ago = 0; ago < back && found.length <= 2 * input.lines; ago += 1)
    found.push(...linesOfMinute(host, habits, now - ago).filter(wanted));
  const sorted = found.toSorted((a, b) => a.at - b.at);
  return {
    entries: sorted
      .slice(-input.lines)
      .map(({ at, unit: of, priority, text }) => ({ at, ...(of === undefined ? {} : { unit: of }), priority, text })),
    truncated: sorted.length > input.lines,
  };
}

function habitsOf(host: PretendHost): Habit[] {
  return unitsOf(host).flatMap((definition) => {
    const { active, since } = stateOf(host, definition);
    return since === undefined || active !== "active" ? [] : definition.log.map((line) => ({ unit: definition.unit, since, line }));
  });
}

/** What running services wrote in one minute of the past: always the same for the same minute. */
function linesOfMinute(host: PretendHost, habits: readonly Habit[], slot: number): JournalEntry[] {
  const lines: JournalEntry[] = [];
  for (const {
    unit,
    since,
    line: [priority, share, text],
  } of habits) {
    if (chance(host.seed, text, slot) >= share) continue;
    const at = Math.floor((slot + chance(host.seed, text, slot, "when")) * minute);
    if (at >= since && at <= host.clock.now()) lines.push({ at, unit, priority, text: filled(text, host.seed, slot) });
  }
  return lines;
}
