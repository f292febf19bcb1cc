import type { ServiceFact } from "../../../schemas/verbs/service.ts";
import { unitState } from "../../kinds/service/diff.ts";
import { baseOf, type KnownHost } from "../known.ts";
import { own } from "../own.ts";
import type { Reader } from "../reader.ts";
import { fullUnit, unitOn } from "../words/unit-names.ts";
import { ago, moment } from "./say.ts";
import { causeIn } from "./tells.ts";

/** Ports that a program is expected to listen on. */
const ports: Readonly<Record<string, readonly number[]>> = {
  nginx: [80, 443],
  apache2: [80, 443],
  httpd: [80, 443],
  mysql: [3306],
  mariadb: [3306],
  postgresql: [5432],
  "redis-server": [6379],
  redis: [6379],
  ssh: [22],
  sshd: [22],
  haproxy: [80, 443],
  mongod: [27017],
};

/** Something that is wrong on a host, or may be. */
export interface Finding {
  readonly host: string;
  readonly cause: string;
  readonly evidence: readonly string[];
  /** How telling: the least number is the likely cause. */
  readonly rank: number;
  readonly mend?: { readonly action: string; readonly service: string } | undefined;
}

/** Looks at one host, read-only and at everything at once: units, recent errors, ports, disk, memory, CPU, drift, recent changes. */
export async function examine(host: KnownHost, service: string | undefined, reader: Reader): Promise<readonly Finding[]> {
  if (!host.online)
    return [
      {
        host: host.name,
        cause: `${host.name} is not connected, so nothing can be looked at`,
        evidence: host.summary.lastSeen === undefined ? [] : [`last seen ${host.summary.lastSeen}`],
        rank: 0,
      },
    ];
  const units = unitsToLookAt(host, service, reader),
    since = Date.now() - 3_600_000;
  const [facts, metrics, network, system, drift, changes] = await Promise.all([
    Promise.all(units.map(async (unit) => ({ unit, read: (await reader.ask([host], "service", { unit }))[0]! }))),
    reader.ask([host], "metrics", {}),
    reader.ask([host], "network", {}),
    reader.ask([host], "journal", { lines: 20, priority: 3, since }),
    reader.drift([host.name]),
    reader.changes([host.name], 5),
  ]);
  const found: Finding[] = [];
  const measured = metrics[0] !== undefined && "value" in metrics[0] ? metrics[0].value : undefined;
  for (const disk of measured?.disks ?? [])
    if (disk.used >= 95)
      found.push({ host: host.name, cause: `the disk at ${disk.mount} is full`, evidence: [`${disk.mount} ${disk.used} % used`], rank: 1 });
  if (measured !== undefined && measured.memory >= 95)
    found.push({
      host: host.name,
      cause: "memory is nearly used up",
      evidence: [`memory ${measured.memory} %, swap ${measured.swap} %`],
      rank: 4,
    });
  if (measured !== undefined && measured.cpu >= 90)
    found.push({ host: host.name, cause: "the CPU is busy", evidence: [`cpu ${measured.cpu} %, load ${measured.load}`], rank: 5 });
  const listeners = network[0] !== undefined && "value" in network[0] ? network[0].value.listeners : undefined;
  for (const { unit, read } of facts)
    if ("value" in read)
      found.push(
        ...(await examineUnit(
          host,
          read.value,
          unit,
          listeners?.map(({ port }) => port),
          reader,
        )),
      );
  for (const one of drift.slice(0, 5))
    found.push({
      host: host.name,
      cause: `${one.instance} differs from its manifest`,
      evidence: [
        ...one.differences.map((d) => `${d.path}: is ${JSON.stringify(d.have)}, should be ${JSON.stringify(d.want)}`),
        ...(one.by === undefined ? [] : [`by ${one.by.who} (${one.by.how})`]),
        `since ${one.since}`,
      ],
      rank: 3.5,
    });
  for (const one of changes.slice(0, 3))
    if (Date.now() - one.at < 86_400_000)
      found.push({
        host: host.name,
        cause: "something was changed lately",
        evidence: [`${ago(Date.now() - one.at)} ${one.who} ${one.what} ${one.about}`],
        rank: 8,
      });
  const errors = system[0] !== undefined && "value" in system[0] ? system[0].value.entries : [];
  if (service === undefined && errors.length > 0)
    found.push({
      host: host.name,
      cause: causeIn(errors.map(({ text }) => text))?.cause ?? "errors in the system log",
      evidence: errors.slice(-5).map((entry) => `${moment(entry.at)} ${entry.unit ?? ""} ${entry.text}`),
      rank: 6,
    });
  return found;
}

/** The unit asked for; without one the failed and declared ones, and those that the host is called after; at most 12. */
function unitsToLookAt(host: KnownHost, service: string | undefined, reader: Reader): readonly string[] {
  if (service !== undefined) return [unitOn(host, service, reader.known) ?? fullUnit(service)];
  const declared = reader.known.resources
    .filter(({ kind, instances }) => kind === "Service" && instances.some((one) => one.host === host.name))
    .map((one) => fullUnit((one.manifest as { spec?: { unit?: string } }).spec?.unit ?? one.name));
  const failed = (host.units ?? []).filter(({ active }) => active === "failed").map(({ unit }) => unit);
  const stem = host.name.replace(/[-_.]?\d*$/, "").replace(/-?(server|host)$/, ""),
    named = (host.units ?? [])
      .map(({ unit }) => unit)
      .filter(
        (unit) => stem.length > 1 && (baseOf(unit).startsWith(stem) || (baseOf(unit).length > 2 && host.name.includes(baseOf(unit)))),
      );
  return [...new Set([...failed, ...declared, ...named])].slice(0, 12);
}

async function examineUnit(
  host: KnownHost,
  fact: ServiceFact,
  unit: string,
  listening: readonly number[] | undefined,
  reader: Reader,
): Promise<readonly Finding[]> {
  const state = unitState(fact),
    base = baseOf(unit),
    at = { host: host.name };
  if (fact.load === "not-found") return [{ ...at, cause: `there is no ${unit}`, evidence: [`${unit}: not found`], rank: 2 }];
  if (fact.load === "masked") return [{ ...at, cause: `${unit} is masked: nothing may start it`, evidence: [`${unit}: masked`], rank: 2 }];
  const read = (
    await reader.ask([host], "journal", { unit, lines: 15, ...(state === "running" ? { priority: 3, since: Date.now() - 3_600_000 } : {}) })
  )[0];
  const lines = read !== undefined && "value" in read ? read.value.entries.map((entry) => `${moment(entry.at)} ${entry.text}`) : [],
    told = causeIn(lines);
  const shown = told === undefined ? lines.slice(-5) : lines.filter((line) => told.pattern.test(line)).slice(-3);
  const start = { action: "service.start", service: base };
  if (state === "failed" || fact.result === "oom-kill") {
    const cause =
      fact.result === "oom-kill" ? `${base} was killed: memory ran out` : `${base} failed${told === undefined ? "" : `: ${told.cause}`}`;
    return [
      {
        ...at,
        cause,
        evidence: [`${unit}: ${fact.active} (${fact.result ?? "unknown result"})`, ...shown],
        rank: 2,
        ...(told === undefined || told.cause === "the program crashed" ? { mend: start } : {}),
      },
    ];
  }
  if (state === "stopped")
    return [
      {
        ...at,
        cause: `${base} is stopped`,
        evidence: [`${unit}: inactive${fact.enabled === "" ? "" : `, ${fact.enabled}`}`, ...shown.slice(-2)],
        rank: 3,
        mend: start,
      },
    ];
  const expected = own(ports, base),
    missing = listening === undefined || expected === undefined || expected.some((port) => listening.includes(port));
  if (!missing)
    return [
      {
        ...at,
        cause: `${base} runs but listens on none of its ports (${expected?.join(", ")})`,
        evidence: [`listening: ${listening.join(", ") || "nothing"}`, ...shown],
        rank: 3,
        mend: { action: "service.restart", service: base },
      },
    ];
  return told === undefined && lines.length === 0
    ? []
    : [
        {
          ...at,
          cause: told === undefined ? `${base} runs and writes errors` : `${base} runs, but ${told.cause}`,
          evidence: [`${unit}: running`, ...shown],
          rank: 4.5,
        },
      ];
}
