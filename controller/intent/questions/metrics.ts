import type { MetricsFact } from "../../../schemas/verbs/host.ts";
import { metricOf } from "../grammar/measure.ts";
import type { KnownHost } from "../known.ts";
import type { Params } from "../words/define.ts";
import { openings, placesOf, wordSet } from "./cues.ts";
import type { Answer, Asking } from "./define.ts";

const around = wordSet(
  "usage utilization utilisation space used free available auslastung verbrauch belegung nutzung uso libre disponible memory's resources ressourcen recursos much viel cuanto cuanta top most least meisten wenigsten highest lowest the mas menos uses use using nutzt nutzen verbraucht usa usan has hat tiene full voll lleno",
);
const most = wordSet("most highest busiest top meisten hochste mas"),
  least = wordSet("least lowest wenigsten niedrigste menos freest");
const any = wordSet("metrics metriken metricas utilization utilisation auslastung resources ressourcen recursos top uptime");

async function answerMetrics(params: Params, hosts: readonly KnownHost[]): Promise<Answer> {
  const metric = params["metric"] === undefined ? undefined : String(params["metric"]);
  const rows = hosts.map(({ name, summary, as }) => ({
    name,
    cpu: as.cpu,
    mem: as.mem,
    disk: as.disk,
    load: as.load,
    disks: (summary.metrics as MetricsFact | undefined)?.disks ?? [],
  }));
  const figure = (row: (typeof rows)[number]): number | undefined => row[(metric ?? "cpu") as "cpu"];
  const order = params["order"] === "most" ? -1 : params["order"] === "least" ? 1 : 0;
  if (order !== 0) rows.sort((a, b) => order * ((figure(a) ?? 0) - (figure(b) ?? 0)));
  const lines = rows.map((row) => `${row.name}: ${say(row, metric)}`),
    first = rows[0];
  return {
    text: lines.join("\n"),
    data: rows,
    resources: order !== 0 && first !== undefined ? [first.name] : rows.map(({ name }) => name),
    ...(rows.length === 1 && first !== undefined ? { value: figure(first) } : {}),
  };
}

function say(
  row: {
    cpu?: number | undefined;
    mem?: number | undefined;
    disk?: number | undefined;
    load?: number | undefined;
    disks: MetricsFact["disks"];
  },
  metric: string | undefined,
): string {
  if (row.cpu === undefined && row.disk === undefined) return "unknown: nothing was measured lately";
  const all = {
    cpu: `cpu ${row.cpu} %`,
    mem: `memory ${row.mem} %`,
    load: `load ${row.load}`,
    disk: row.disks.map(({ mount, used }) => `${mount} ${used} %`).join(", ") || `disk ${row.disk} %`,
  };
  return metric === undefined ? Object.values(all).join(", ") : all[metric as keyof typeof all];
}

/** How busy hosts are: CPU, memory, disks, load. `order: most | least` sorts. */
export const metrics: Asking = {
  ask: "metrics",
  summary: "How busy hosts are: metric (cpu, mem, disk, load), order (most, least)",
  hear(tokens) {
    const places = tokens.flatMap(({ text, quoted }, at) => (!quoted && metricOf(text) !== undefined ? [at] : []));
    if (places.length === 0 && placesOf(tokens, any).length === 0) return undefined;
    const named = new Set(places.map((at) => metricOf(tokens[at]!.text))),
      order = placesOf(tokens, most).length > 0 ? { order: "most" } : placesOf(tokens, least).length > 0 ? { order: "least" } : {};
    return {
      params: { ...(named.size === 1 ? { metric: [...named][0] } : {}), ...order },
      used: new Set([...places, ...placesOf(tokens, openings), ...placesOf(tokens, around), ...placesOf(tokens, any)]),
    };
  },
  answer: (params, hosts) => answerMetrics(params, hosts),
};
