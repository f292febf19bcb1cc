import { cue, openings, placesOf, wordSet } from "./cues.ts";
import type { Asking } from "./define.ts";
import { moment } from "./say.ts";

const phrases = [
  "what changed",
  "what has changed",
  "recent changes",
  "last changes",
  "change history",
  "history",
  "drift",
  "drifted",
  "audit",
  "who changed",
  "was hat sich geandert",
  "was wurde geandert",
  "letzte anderungen",
  "verlauf",
  "wer hat",
  "que ha cambiado",
  "que cambio",
  "historial",
  "ultimos cambios",
  "cambios recientes",
];
const used = wordSet(
  "changed changes history recent recently last drift drifted audit geandert anderungen verlauf letzte cambiado cambios cambio historial ultimos recientes hat sich wurde ha today lately who wer quien",
);

/** What was asked, decided and done lately, and what drifted. */
export const history: Asking = {
  ask: "history",
  summary: "What was done lately, and what drifted",
  hear: (tokens) =>
    cue(tokens, phrases) === undefined
      ? undefined
      : { params: {}, used: new Set([...placesOf(tokens, openings), ...placesOf(tokens, used)]) },
  async answer(_params, hosts, reader) {
    const names = hosts.map(({ name }) => name),
      [drift, changes] = await Promise.all([reader.drift(names), reader.changes(names, 20)]);
    const lines = [
      ...drift.map(
        (one) =>
          `${one.since.replace("T", " ").slice(0, 19)} ${one.instance} drifted${one.by === undefined ? "" : ` (${one.by.who}: ${one.by.how})`}`,
      ),
      ...changes.map((one) => `${moment(one.at)} ${one.who} ${one.what} ${one.about}`),
    ];
    return { text: lines.length === 0 ? "Nothing." : lines.join("\n"), data: { drift, changes }, resources: names };
  },
};
