import type { QuestionName } from "../../../schemas/intent.ts";
import type { KnownHost } from "../known.ts";
import type { Params } from "../words/define.ts";
import { cue, openings, placesOf, wordSet } from "./cues.ts";
import type { Answer, Asking, Heard } from "./define.ts";
import type { Reader } from "../reader.ts";
import type { Token } from "../grammar/tokens.ts";
import { countOf, nameList } from "./say.ts";

const counting = ["how many", "number of", "count of", "count", "wie viele", "wieviele", "anzahl", "cuantos", "cuantas", "numero de"];
const listing = [
  "list",
  "show",
  "which",
  "what",
  "display",
  "find",
  "get",
  "give",
  "liste",
  "zeige",
  "zeig",
  "welche",
  "welcher",
  "gib",
  "muestra",
  "muestrame",
  "lista",
  "que",
  "cuales",
  "dame",
  "hay",
];
const serviceWords = wordSet("services units dienste servicios daemons");
const packageWords = wordSet("packages pakete paquetes");

function hearList(tokens: readonly Token[]): Heard | undefined {
  if (cue(tokens, listing) === undefined) return undefined;
  const used = new Set(placesOf(tokens, openings)),
    services = placesOf(tokens, serviceWords),
    packages = placesOf(tokens, packageWords);
  for (const at of [...services, ...packages]) used.add(at);
  return { params: services.length > 0 ? { of: "services" } : packages.length > 0 ? { of: "packages" } : {}, used };
}

async function answerList(params: Params, hosts: readonly KnownHost[], reader: Reader): Promise<Answer> {
  if (params["of"] === "services") return listUnits(hosts, reader);
  if (params["of"] === "packages") return listPackages(params, hosts, reader);
  const rows = hosts.map(({ summary }) => ({
    name: summary.name,
    state: summary.state,
    os: summary.os,
    address: summary.address,
    tags: summary.tags,
    open: summary.instances.open,
  }));
  const lines = rows
    .slice(0, 200)
    .map(
      (row) =>
        `${row.name}  ${row.state}${row.os === undefined ? "" : `  ${row.os}`}${row.tags.length === 0 ? "" : `  [${row.tags.join(" ")}]`}`,
    );
  return {
    text: [`${countOf(hosts.length, "host")}${hosts.length === 0 ? "." : ":"}`, ...lines].join("\n"),
    data: rows,
    resources: rows.map(({ name }) => name),
    value: rows.length,
  };
}

async function listUnits(hosts: readonly KnownHost[], reader: Reader): Promise<Answer> {
  const reads = await reader.ask(hosts, "services", { pattern: "*.service" });
  const data = reads.map((read) =>
    "value" in read
      ? { host: read.host, services: read.value.units.filter(({ active }) => active === "active" || active === "failed") }
      : read,
  );
  const lines = data.map((row) =>
    "services" in row
      ? `${row.host}: ${row.services.map(({ unit, active }) => `${unit.replace(/\.service$/, "")}${active === "failed" ? " (failed)" : ""}`).join(", ")}`
      : `${row.host}: ${row.problem}`,
  );
  return { text: lines.join("\n"), data, resources: hosts.map(({ name }) => name) };
}

async function listPackages(params: Params, hosts: readonly KnownHost[], reader: Reader): Promise<Answer> {
  const pattern = params["service"] === undefined ? {} : { pattern: `*${String(params["service"])}*` };
  const data = await reader.ask(hosts, "packages", pattern);
  const lines = data.map((row) =>
    "value" in row
      ? `${row.host}: ${
          row.value.packages
            .slice(0, 50)
            .map(({ name, version }) => `${name} ${version}`)
            .join(", ") || "none"
        }${row.value.packages.length > 50 ? " …" : ""}`
      : `${row.host}: ${row.problem}`,
  );
  return { text: lines.join("\n"), data, resources: hosts.map(({ name }) => name) };
}

/** Hosts of a selector, the services that run on them, or their packages. */
export const list: Asking = {
  ask: "list",
  summary: "Hosts of a selector; with of: services or packages, what is on them",
  hear: hearList,
  answer: answerList,
};

/** Hosts by what they measure: told from a list by the comparison in its selector. */
export const filter: Asking = {
  ask: "filter" satisfies QuestionName,
  summary: "Hosts by what they measure, such as cpu>80",
  hear: () => undefined,
  async answer(_params, hosts) {
    const rows = hosts.map(({ name, as }) => ({ name, cpu: as.cpu, mem: as.mem, disk: as.disk, load: as.load }));
    const lines = rows.map(
      (row) =>
        `${row.name}  ${(["cpu", "mem", "disk"] as const).map((key) => `${key} ${row[key] === undefined ? "unknown" : `${row[key]} %`}`).join("  ")}`,
    );
    return {
      text:
        hosts.length === 0
          ? "No host does."
          : [`${countOf(hosts.length, "host")}: ${nameList(rows.map(({ name }) => name))}`, ...lines].join("\n"),
      data: rows,
      resources: rows.map(({ name }) => name),
      value: rows.length,
    };
  },
};

/** How many hosts a selector picks. */
export const count: Asking = {
  ask: "count",
  summary: "How many hosts a selector picks",
  hear(tokens) {
    const at = cue(tokens, counting);
    return at === undefined ? undefined : { params: {}, used: new Set([...at, ...placesOf(tokens, openings)]) };
  },
  async answer(_params, hosts) {
    const names = hosts.map(({ name }) => name);
    return {
      text: `${countOf(names.length, "host")}${names.length === 0 ? "." : `: ${nameList(names)}`}`,
      data: names,
      resources: names,
      value: names.length,
    };
  },
};
