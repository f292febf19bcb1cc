import { unitState } from "../../kinds/service/diff.ts";
import type { KnownHost } from "../known.ts";
import type { Reader } from "../reader.ts";
import type { Params } from "../words/define.ts";
import { fullUnit, unitOn } from "../words/unit-names.ts";
import { cue, openings, placesOf, wordSet } from "./cues.ts";
import type { Answer, Asking } from "./define.ts";
import { ago } from "./say.ts";

const phrases = [
  "is running",
  "are running",
  "running on",
  "is up",
  "is online",
  "status of",
  "state of",
  "status",
  "state",
  "health of",
  "healthy",
  "is alive",
  "is active",
  "is enabled",
  "is installed",
  "up and running",
  "check",
  "is … running",
  "are … running",
  "is … up",
  "is … online",
  "is … active",
  "is … healthy",
  "is … enabled",
  "lauft",
  "laufen",
  "lauft … auf",
  "zustand",
  "ist … aktiv",
  "ist … online",
  "prufe",
  "uberprufe",
  "esta corriendo",
  "esta activo",
  "esta … corriendo",
  "esta … activo",
  "esta … en marcha",
  "esta … funcionando",
  "estan … funcionando",
  "funcionando",
  "estado",
  "funciona",
  "comprueba",
  "verifica",
];
const used = wordSet(
  "status state health healthy running up online active enabled alive service's zustand lauft laufen aktiv corriendo activo marcha ejecutando funcionando estado funciona uberprufe of the",
);

async function answerStatus(params: Params, hosts: readonly KnownHost[], reader: Reader): Promise<Answer> {
  const name = params["service"];
  return name === undefined ? hostStatus(hosts, reader) : serviceStatus(String(name), hosts, reader);
}

async function hostStatus(hosts: readonly KnownHost[], reader: Reader): Promise<Answer> {
  const rows = hosts.map(({ summary, as }) => ({
    name: summary.name,
    state: summary.state,
    cpu: as.cpu,
    mem: as.mem,
    disk: as.disk,
    inSync: summary.instances.inSync,
    open: summary.instances.open,
  }));
  const open = reader.instances(rows.map(({ name }) => name)).filter(({ state }) => state !== "in-sync");
  const lines = rows.map(
    (row) =>
      `${row.name}: ${row.state}${row.cpu === undefined ? "" : `, cpu ${row.cpu} %, memory ${row.mem} %, fullest disk ${row.disk} %`}, ${row.inSync} in sync${row.open > 0 ? `, ${row.open} not` : ""}`,
  );
  for (const one of open.slice(0, 20)) lines.push(`  ${one.id}: ${one.state}${one.reason === undefined ? "" : `, ${one.reason}`}`);
  return { text: lines.join("\n"), data: rows, resources: rows.map(({ name }) => name) };
}

async function serviceStatus(name: string, hosts: readonly KnownHost[], reader: Reader): Promise<Answer> {
  const asked = hosts.flatMap((host) => {
    const unit = unitOn(host, name, reader.known);
    return unit === undefined ? [] : [{ host, unit: unit ?? fullUnit(name) }];
  });
  const reads = await Promise.all(
    asked.map(async ({ host, unit }) => ({ unit, read: (await reader.ask([host], "service", { unit }))[0]! })),
  );
  const rows = reads.map(({ unit, read }) =>
    "value" in read
      ? {
          host: read.host,
          unit,
          state: read.value.load === "not-found" ? "not there" : unitState(read.value),
          enabled: read.value.enabled,
          since: read.value.since,
          result: read.value.result,
        }
      : { host: read.host, unit, state: "unknown", problem: read.problem },
  );
  const without = hosts.filter((host) => !asked.some((one) => one.host === host)).map((host) => host.name);
  const lines = rows.map(
    (row) =>
      `${row.host}: ${row.unit} ${"problem" in row ? `unknown: ${row.problem}` : `is ${row.state}${row.since === undefined || row.state !== "running" ? "" : `, started ${ago(Date.now() - row.since)}`}${row.enabled === "" ? "" : `, ${row.enabled}`}`}`,
  );
  if (without.length > 0 && rows.length === 0) lines.push(`There is no service ${name} on ${without.slice(0, 10).join(", ")}.`);
  const states = new Set(rows.map(({ state }) => state));
  return {
    text: lines.join("\n"),
    data: rows,
    resources: rows.map(({ host }) => host),
    ...(states.size === 1 ? { value: [...states][0] } : {}),
  };
}

/** Whether a service runs, or how hosts are. */
export const status: Asking = {
  ask: "status",
  summary: "Whether a service runs (with service), or how hosts are",
  hear(tokens) {
    const at = cue(tokens, phrases);
    return at === undefined ? undefined : { params: {}, used: new Set([...placesOf(tokens, openings), ...placesOf(tokens, used)]) };
  },
  answer: answerStatus,
};
