import type { IntentCondition } from "../../../schemas/intent.ts";
import type { Known } from "../known.ts";
import { unitVocabulary } from "../words/unit-names.ts";
import { readMeasure } from "./measure.ts";
import { isFiller } from "./scope-words.ts";
import { is, type Token } from "./tokens.ts";

/** A sentence with its condition taken out. `unclear`: there is one, and it was not understood. */
export interface Conditional {
  readonly rest: readonly Token[];
  readonly condition?: IntentCondition | undefined;
  readonly unclear?: string | undefined;
}

const opening = new Set("if when wenn falls sofern sobald si cuando unless".split(" "));
const asking = new Set("check see tell know verify whether prufe prufen schau weiss comprueba verifica mira".split(" "));
const up = new Set(
  "running up online active alive started lauft aktiv gestartet activo corriendo ejecutando encendido funcionando working healthy reachable available erreichbar".split(
    " ",
  ),
);
const down = new Set(
  "stopped down offline inactive dead failed gestoppt inaktiv tot ausgefallen parado detenido inactivo caido apagado unreachable broken".split(
    " ",
  ),
);
const negations = new Set("not isn't aren't nicht no n't isnt doesn't".split(" "));

/** Takes "If CPU usage is over 80%, …" or "… only if primary-server is running" out of a sentence. "Check if …" asks; it is no condition. */
export function splitCondition(tokens: readonly Token[], known: Known): Conditional {
  const at = tokens.findIndex(
    (token, index) =>
      !token.quoted && opening.has(token.text) && !tokens.slice(Math.max(0, index - 2), index).some((before) => asking.has(before.text)),
  );
  if (at < 0) return { rest: tokens };
  const start =
    at > 0 && is(tokens[at - 1], "only", "nur", "solo", "but", "and", ",")
      ? at > 1 && is(tokens[at - 2], ",", "but")
        ? at - 2
        : at - 1
      : at;
  const measured = readMeasureIn(tokens.slice(at + 1)),
    end = at <= 1 ? endOfClause(tokens, at + 1) : measured === undefined ? tokens.length : at + 1 + measured.end;
  const clause = tokens.slice(at + 1, end),
    rest = [...tokens.slice(0, start), ...tokens.slice(end + (is(tokens[end], ",", "then", "dann", "entonces") ? 1 : 0))];
  const stripped = is(rest[0], "then", "dann", "entonces") ? rest.slice(1) : rest;
  const condition = is(tokens[at], "unless") ? undefined : readClause(clause, known);
  return condition === undefined ? { rest: stripped, unclear: clause.map(({ raw }) => raw).join(" ") } : { rest: stripped, condition };
}

/** A leading condition ends at its comma, or at "then". */
function endOfClause(tokens: readonly Token[], from: number): number {
  for (let at = from; at < tokens.length; at++) if (is(tokens[at], ",", "then", "dann", "entonces")) return at;
  const measured = readMeasureIn(tokens.slice(from));
  return measured === undefined ? tokens.length : from + measured.end;
}

function readMeasureIn(tokens: readonly Token[]): { condition: IntentCondition; start: number; end: number } | undefined {
  for (let at = 0; at < tokens.length; at++) {
    const measure = readMeasure(tokens, at);
    if (measure !== undefined)
      return { condition: { metric: measure.metric, op: measure.op, value: measure.value }, start: at, end: at + measure.length };
  }
  return undefined;
}

function readClause(tokens: readonly Token[], known: Known): IntentCondition | undefined {
  const measured = readMeasureIn(tokens);
  if (measured !== undefined) {
    const subject = [...tokens.slice(0, measured.start), ...tokens.slice(measured.end)].filter(
      (token) => token.quoted || !isFiller(token.text),
    );
    if (subject.length === 0) return measured.condition;
    const host =
      subject.length === 1 ? known.hosts.find(({ name, as }) => [name, ...(as.aliases ?? [])].includes(subject[0]!.text)) : undefined;
    return host === undefined ? undefined : { ...measured.condition, of: host.name };
  }
  return readStatus(tokens, known);
}

/** "primary-server is running", "nginx isn't running on web-01": running or stopped, of a host or a service. */
function readStatus(tokens: readonly Token[], known: Known): IntentCondition | undefined {
  const negated = tokens.some((token) => negations.has(token.text)),
    word = tokens.find((token) => up.has(token.text) || down.has(token.text));
  if (word === undefined) return undefined;
  const subject = tokens.filter(
    (token) =>
      token !== word &&
      !negations.has(token.text) &&
      (token.quoted || !isFiller(token.text)) &&
      !is(token, "service", "dienst", "servicio", "server", "host"),
  );
  const of = subject.length === 0 ? undefined : nameOf(subject, known);
  if (subject.length > 0 && of === undefined) return undefined;
  return {
    metric: "status",
    op: negated ? "!=" : "=",
    value: up.has(word.text) ? "running" : "stopped",
    ...(of === undefined ? {} : { of }),
  };
}

/** A host by name or alias, or a service as `Service/name`, on a host where one is named. */
function nameOf(subject: readonly Token[], known: Known): string | undefined {
  const hostOf = (text: string): string | undefined =>
    known.hosts.find(({ name, as }) => [name, ...(as.aliases ?? [])].map((one) => one.toLowerCase()).includes(text))?.name;
  const whole = hostOf(subject.map(({ text }) => text).join("-"));
  if (whole !== undefined) return whole;
  const host = subject.map(({ text }) => hostOf(text)).find((one) => one !== undefined),
    rest = subject.filter(({ text }) => hostOf(text) === undefined);
  const service = rest.map(({ text }) => text).join("-");
  if (service === "" || !unitVocabulary(known).includes(service)) return undefined;
  return `Service/${service}${host === undefined ? "" : `@${host}`}`;
}
