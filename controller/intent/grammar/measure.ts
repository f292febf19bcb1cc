import type { Selector } from "../../../schemas/selector.ts";
import type { Comparison } from "../../../schemas/intent.ts";
import { is, type Token } from "./tokens.ts";

export type Metric = "cpu" | "mem" | "disk" | "load";

const metricWords: Readonly<Record<string, Metric>> = {
  cpu: "cpu",
  processor: "cpu",
  prozessor: "cpu",
  procesador: "cpu",
  "cpu-last": "cpu",
  "cpu-auslastung": "cpu",
  memory: "mem",
  mem: "mem",
  ram: "mem",
  speicher: "mem",
  arbeitsspeicher: "mem",
  memoria: "mem",
  disk: "disk",
  disks: "disk",
  storage: "disk",
  platte: "disk",
  festplatte: "disk",
  speicherplatz: "disk",
  plattenplatz: "disk",
  disco: "disk",
  discos: "disk",
  almacenamiento: "disk",
  "disk-space": "disk",
  load: "load",
  last: "load",
  carga: "load",
};

/** The metric that a word names. */
export const metricOf = (word: string): Metric | undefined => (Object.hasOwn(metricWords, word) ? metricWords[word] : undefined);

const above = new Set(
  "over above more greater higher exceeds exceeding > uber mehr hoher grosser mas mayor superior supera sobre encima".split(" "),
);
const below = new Set("under below less lower fewer < unter weniger niedriger menos menor inferior debajo".split(" "));
const atLeast = new Set([">=", "least", "mindestens"]),
  atMost = new Set(["<=", "most", "hochstens"]),
  equal = new Set(["=", "exactly", "genau", "exactamente"]);
const between = new Set(
  "with using use uses than is are at usage utilization utilisation of the als mit nutzen nutzt verwenden verbrauchen auslastung ist sind der die das bei space que con usan usando uso es esta de del la el por ciento percent prozent % que por full voll having have has por-ciento space used free".split(
    " ",
  ),
);

/** How two figures are compared, by a word for it. */
function comparisonOf(word: string): Comparison | undefined {
  if (above.has(word)) return ">";
  if (below.has(word)) return "<";
  if (atLeast.has(word)) return ">=";
  if (atMost.has(word)) return "<=";
  return equal.has(word) ? "=" : undefined;
}

/** A comparison of a metric with a number that begins here, in any order of its words: "more than 80% CPU", "cpu is above 80", "disk usage over 90 %". */
export function readMeasure(
  tokens: readonly Token[],
  at: number,
):
  | { readonly metric: Metric; readonly op: Comparison; readonly value: number; readonly selector: Selector; readonly length: number }
  | undefined {
  let metric: Metric | undefined,
    op: Comparison | undefined,
    value: number | undefined,
    last = at - 1;
  for (let index = at; index < tokens.length && index < at + 12; index++) {
    const token = tokens[index]!;
    if (token.quoted) break;
    const number = /^(\d+(?:[.,]\d+)?)\s*%?$/.exec(token.text),
      glued = /^(>=|<=|>|<|=)(\d+(?:\.\d+)?)%?$/.exec(token.text);
    if (metric === undefined && metricOf(token.text) !== undefined) [metric, last] = [metricOf(token.text), index];
    else if (op === undefined && comparisonOf(token.text) !== undefined) [op, last] = [comparisonOf(token.text), index];
    else if (value === undefined && glued !== null) [op, value, last] = [glued[1] as Comparison, Number(glued[2]), index];
    else if (value === undefined && number !== null && op !== undefined) [value, last] = [Number(number[1]!.replace(",", ".")), index];
    else if (!between.has(token.text)) break;
    if (metric !== undefined && op !== undefined && value !== undefined && !isTail(tokens[index + 1])) break;
  }
  if (metric === undefined || op === undefined || value === undefined) return undefined;
  if (op === "!=") return undefined;
  return {
    metric,
    op,
    value,
    selector: { op: "measure", key: metric, compare: op, value },
    length: last + 1 - at + tail(tokens, last + 1),
  };
}

const isTail = (token: Token | undefined): boolean =>
  is(token, "usage", "load", "%", "percent", "utilization", "auslastung", "space", "uso", "full", "voll", "lleno", "used");
const tail = (tokens: readonly Token[], from: number): number => (isTail(tokens[from]) ? 1 + tail(tokens, from + 1) : 0);
