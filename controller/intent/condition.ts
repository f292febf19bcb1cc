import type { Comparison, IntentCondition } from "../../schemas/intent.ts";
import { unitState } from "../kinds/service/diff.ts";
import type { KnownHost } from "./known.ts";
import type { Reader } from "./reader.ts";
import { fullUnit, unitOn } from "./words/unit-names.ts";

/** For which hosts a condition holds now, and what was found, host by host. Unknown is not yes. */
export interface Judged {
  readonly hosts: readonly KnownHost[];
  readonly skipped: readonly { readonly host: string; readonly reason: string }[];
  /** What was seen, for the confirmation. */
  readonly seen: readonly string[];
}

const holds: Readonly<Record<Comparison, (a: number, b: number) => boolean>> = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  "=": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  ">=": (a, b) => a >= b,
  ">": (a, b) => a > b,
};
const words: Readonly<Record<IntentCondition["metric"], string>> = {
  cpu: "CPU",
  mem: "memory",
  disk: "fullest disk",
  load: "load",
  status: "status",
};

/** Judges a step's condition by what is measured and seen now; it is judged again when the change is confirmed. `service`: of the step itself. */
export async function judge(
  condition: IntentCondition,
  hosts: readonly KnownHost[],
  service: string | undefined,
  reader: Reader,
): Promise<Judged> {
  return condition.metric === "status" ? judgeStatus(condition, hosts, service, reader) : judgeMetric(condition, hosts, reader);
}

function judgeMetric(condition: IntentCondition, hosts: readonly KnownHost[], reader: Reader): Judged {
  const read = (host: KnownHost): number | undefined => host.as[condition.metric as "cpu"],
    limit = Number(condition.value);
  const say = (host: KnownHost, value: number): string =>
    `${words[condition.metric]} of ${host.name} is ${value}${condition.metric === "load" ? "" : " %"}`;
  const one = (host: KnownHost): { yes: boolean; reason: string } => {
    const value = host.online ? read(host) : undefined;
    return value === undefined
      ? { yes: false, reason: `${words[condition.metric]} of ${host.name} is not known` }
      : { yes: holds[condition.op](value, limit), reason: say(host, value) };
  };
  if (condition.of !== undefined) {
    const subject = reader.known.hosts.find(({ name }) => name === condition.of);
    return all(subject === undefined ? { yes: false, reason: `there is no host ${condition.of}` } : one(subject), hosts);
  }
  return each(hosts, hosts.map(one));
}

async function judgeStatus(
  condition: IntentCondition,
  hosts: readonly KnownHost[],
  service: string | undefined,
  reader: Reader,
): Promise<Judged> {
  const wanted = String(condition.value).toLowerCase(),
    { of } = condition;
  const decide = (state: string): boolean => (state === wanted || (wanted === "stopped" && state === "failed")) === (condition.op !== "!=");
  if (of !== undefined && !of.includes("/")) {
    const host = reader.known.hosts.find(({ name, as }) => name === of || (as.aliases ?? []).includes(of));
    return all(
      host === undefined
        ? { yes: false, reason: `there is no host ${of}` }
        : { yes: decide(host.online ? "running" : "stopped"), reason: `${host.name} is ${host.online ? "running" : "not connected"}` },
      hosts,
    );
  }
  const name = of === undefined ? service : of.slice(of.indexOf("/") + 1).split("@")[0],
    at = of?.split("@")[1];
  if (name === undefined)
    return { hosts: [], skipped: hosts.map((host) => ({ host: host.name, reason: "the condition names nothing that runs" })), seen: [] };
  const look = async (host: KnownHost): Promise<{ yes: boolean; reason: string }> => {
    const unit = unitOn(host, name, reader.known) ?? fullUnit(name),
      read = (await reader.ask([host], "service", { unit }))[0]!;
    if ("problem" in read) return { yes: false, reason: `${unit} on ${host.name} is not known: ${read.problem}` };
    const state = read.value.load === "not-found" ? "stopped" : unitState(read.value);
    return { yes: decide(state), reason: `${unit} on ${host.name} is ${state}` };
  };
  if (of === undefined) return each(hosts, await Promise.all(hosts.map(look)));
  const subjects =
    at === undefined
      ? reader.known.hosts.filter((host) => typeof unitOn(host, name, reader.known) === "string")
      : reader.known.hosts.filter((host) => host.name === at);
  if (subjects.length === 0) return all({ yes: false, reason: `there is no ${name}${at === undefined ? "" : ` on ${at}`}` }, hosts);
  const own = hosts.every((host) => subjects.includes(host)) && at === undefined;
  if (own) return each(hosts, await Promise.all(hosts.map(look)));
  const looks = await Promise.all(subjects.slice(0, 50).map(look));
  return all({ yes: looks.every(({ yes }) => yes), reason: looks.map(({ reason }) => reason).join(", ") }, hosts);
}

const all = (verdict: { yes: boolean; reason: string }, hosts: readonly KnownHost[]): Judged => ({
  hosts: verdict.yes ? hosts : [],
  skipped: verdict.yes ? [] : hosts.map((host) => ({ host: host.name, reason: verdict.reason })),
  seen: [verdict.reason],
});

function each(hosts: readonly KnownHost[], verdicts: readonly { yes: boolean; reason: string }[]): Judged {
  const yes = hosts.filter((_, index) => verdicts[index]!.yes);
  return {
    hosts: yes,
    skipped: hosts.flatMap((host, index) => (verdicts[index]!.yes ? [] : [{ host: host.name, reason: verdicts[index]!.reason }])),
    seen: verdicts.filter(({ yes: holdsHere }) => holdsHere).map(({ reason }) => reason),
  };
}

/** The condition in words. */
export const sayCondition = ({ metric, op, value, of }: IntentCondition): string =>
  metric === "status"
    ? `${of ?? "it"} is ${op === "!=" ? "not " : ""}${value}`
    : `${words[metric]}${of === undefined ? "" : ` of ${of}`} ${op} ${value}${metric === "load" ? "" : " %"}`;
