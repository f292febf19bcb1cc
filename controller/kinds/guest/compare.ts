import type { GuestConfig, GuestFact } from "../../../schemas/verbs/proxmox/guest.ts";
import { normal } from "./codecs.ts";
import { addedDisk, diskDeltas } from "./disks.ts";
import { added, type Delta, type Gap, partsGap } from "./gaps.ts";
import { newParts, type Takes, textOf, type Turn, type Wanted } from "./wanted.ts";

/** The note of a difference that a start makes go away. */
export const waitsForStart = "set already; takes effect at the next start";
/** The note of a difference that is only pending. */
export const dropsPending = "what runs is as wanted; what waits for the next start is taken back";

/** What of the wanted configuration a guest does not have: against the next start, and against what runs now. */
export function compareConfig(wanted: readonly Wanted[], fact: GuestFact): Delta[] {
  const next = fact.next ?? {},
    now = fact.config ?? next,
    runs = fact.status === "running";
  return wanted.flatMap((one): Delta[] => {
    if (one.secret !== undefined) return [];
    const gaps = gapsOf(one, next).map(kept);
    // Somebody's value waits for the next start: what is wanted runs already, and only has to stay.
    const undone = runs && gaps.length > 0 && gapsOf(one, now).length === 0;
    if (gaps.length > 0 || !runs)
      return gaps.map((gap) =>
        undone ? { ...gap, difference: { ...gap.difference, note: dropsPending }, takes: "hot" } : { ...gap, takes: takesOf(gap) },
      );
    return gapsOf(one, now)
      .filter(({ remedy }) => remedy.by !== "nothing" && remedy.by !== "resize" && remedy.by !== "move-disk")
      .map(({ difference, turn }) => ({
        wanted: one,
        difference: { ...difference, note: waitsForStart },
        remedy: { by: "start" },
        turn,
        takes: "start",
      }));
  });
}

const takesOf = ({ wanted: { takes }, turn, remedy }: Gap): Takes => {
  if (remedy.by === "resize" || remedy.by === "move-disk" || remedy.by === "nothing") return "hot";
  return typeof takes === "function" ? takes(turn) : takes;
};

const whole = (how: Turn["how"]): Turn => ({ how, parts: [] });

function gapsOf(wanted: Wanted, config: GuestConfig): Gap[] {
  const { path, key, value, disk, byDefault, as } = wanted,
    have = config[key];
  if (value === null) {
    if (have === undefined) return [];
    return [
      { wanted, difference: { path, have: textOf(have), note: removalNote(key, have) }, remedy: { by: "remove" }, turn: whole("removed") },
    ];
  }
  if (typeof value === "string") {
    const text = textOf(have) ?? byDefault;
    if (text !== undefined && (as === undefined ? text : normal(as, text)) === (as === undefined ? value : normal(as, value))) return [];
    const shown = (of: string): unknown => (as === undefined ? of : as.parse(of));
    const difference = { path, want: shown(value), ...(text === undefined || text === "" ? {} : { have: shown(text) }) };
    return [{ wanted, difference, remedy: { by: "set", value }, turn: whole(have === undefined ? "added" : "changed") }];
  }
  if (have === undefined && wanted.making !== undefined)
    return [disk === undefined ? added(wanted, newParts({ ...wanted.making, ...value })) : addedDisk(wanted, disk, value)];
  if (disk !== undefined) return diskDeltas(wanted, disk, value, have);
  return partsGap(wanted, value, have);
}

/** A disk that is taken away stays as an unused one; nothing is lost. */
function removalNote(key: string, have: GuestConfig[string]): string {
  if (/^(net|ipconfig|serial|usb|hostpci)\d/.test(key)) return "removed";
  if (!/\d$/.test(key)) return "back to what the platform takes by itself";
  const isVolume = typeof have === "object" && have["media"] !== "cdrom" && have["volume"]?.startsWith("/") !== true;
  return isVolume ? "detached; its volume is kept as an unused disk" : "removed";
}

/** What cannot be changed once the guest is made, or must not be. */
function kept(gap: Gap): Gap {
  const { fixed, path } = gap.wanted;
  if (fixed === undefined) return gap;
  if (fixed !== true && (gap.turn.how === "added" || !gap.turn.parts.some((part) => fixed.includes(part)))) return gap;
  return {
    ...gap,
    remedy: {
      by: "nothing",
      reason: `${path} cannot be changed once the guest is made`,
      hint: "Leave the field as it is, or make a new guest and move over by hand: guests are never made anew.",
    },
  };
}
