import { own } from "../own.ts";
import type { KnownHost } from "../known.ts";
import type { Reader } from "../reader.ts";
import type { Params } from "../words/define.ts";
import { fullUnit, unitOn } from "../words/unit-names.ts";
import { openings, placesOf, wordSet } from "./cues.ts";
import type { Answer, Asking } from "./define.ts";
import { moment } from "./say.ts";

const logWords = wordSet(
  "log logs journal logfile logfiles logdatei logdateien protokoll protokolle registro registros bitacora logeintrage meldungen messages lines zeilen lineas entries eintrage entradas",
);
const decisive = wordSet("log logs journal logfile logfiles logdatei protokoll protokolle registro registros bitacora logeintrage");
const errors = wordSet("error errors fehler fehlern fehlermeldungen errores failures"),
  warnings = wordSet("warning warnings warnungen advertencias");
const around = wordSet("last latest recent most newest letzten letzte neuesten ultimos ultimas ultimo recientes");

/** Syslog priorities: errors and graver, warnings and graver. */
const priorities: Readonly<Record<string, number>> = { error: 3, warning: 4 };

async function answerLogs(params: Params, hosts: readonly KnownHost[], reader: Reader): Promise<Answer> {
  const lines = Math.min(1000, Math.max(1, Number(params["lines"] ?? 50))),
    level = String(params["level"] ?? ""),
    name = params["service"];
  const priority = own(priorities, level),
    match = params["match"];
  const asked = hosts.flatMap((host) => {
    const unit = name === undefined ? undefined : unitOn(host, String(name), reader.known);
    return name !== undefined && unit === undefined
      ? []
      : [{ host, ...(name === undefined ? {} : { unit: unit ?? fullUnit(String(name)) }) }];
  });
  const reads = await Promise.all(
    asked.slice(0, 50).map(
      async ({ host, ...of }) =>
        (
          await reader.ask([host], "journal", {
            ...of,
            lines,
            ...(priority === undefined ? {} : { priority }),
            ...(typeof match === "string" ? { match } : {}),
          })
        )[0]!,
    ),
  );
  const entries = reads
    .flatMap((read) => ("value" in read ? read.value.entries.map((entry) => ({ host: read.host, ...entry })) : []))
    .sort((a, b) => a.at - b.at)
    .slice(-lines);
  const failed = reads.flatMap((read) => ("problem" in read ? [`${read.host}: ${read.problem}`] : []));
  const several = new Set(entries.map(({ host }) => host)).size > 1;
  const text = entries.map(
    (entry) =>
      `${moment(entry.at)} ${several ? `${entry.host} ` : ""}${entry.unit === undefined || name !== undefined ? "" : `${entry.unit} `}${entry.text}`,
  );
  if (asked.length === 0) failed.push(`There is no service ${String(name)} on these hosts.`);
  return {
    text: [...(text.length === 0 && failed.length === 0 ? [`No ${level === "" ? "" : `${level} `}lines.`] : text), ...failed].join("\n"),
    data: entries,
    resources: asked.map(({ host }) => host.name),
    value: entries.length,
  };
}

/** Lines of the system log, of a service or of whole hosts. */
export const logs: Asking = {
  ask: "logs",
  summary: "Lines of the system log: service, lines, level (error, warning), match",
  hear(tokens) {
    const showsErrors = placesOf(tokens, errors).length > 0 && placesOf(tokens, openings).length > 0;
    if (placesOf(tokens, decisive).length === 0 && !showsErrors) return undefined;
    const number = tokens.findIndex(({ text, quoted }) => !quoted && /^\d{1,4}$/.test(text)),
      quoted = tokens.findIndex(
        (token, at) =>
          token.quoted && /^(containing|contain|with|matching|mit|enthalten|con|contengan|for|nach)$/.test(tokens[at - 1]?.text ?? ""),
      );
    const level =
      placesOf(tokens, errors).length > 0 ? { level: "error" } : placesOf(tokens, warnings).length > 0 ? { level: "warning" } : {};
    const used = new Set([
      ...placesOf(tokens, openings),
      ...placesOf(tokens, logWords),
      ...placesOf(tokens, errors),
      ...placesOf(tokens, warnings),
      ...placesOf(tokens, around),
    ]);
    if (number >= 0) used.add(number);
    if (quoted >= 0) for (const at of [quoted - 1, quoted]) used.add(at);
    return {
      params: {
        ...(number >= 0 ? { lines: Number(tokens[number]!.text) } : {}),
        ...level,
        ...(quoted >= 0 ? { match: tokens[quoted]!.raw } : {}),
      },
      used,
    };
  },
  answer: answerLogs,
};
