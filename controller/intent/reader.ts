import pLimit from "p-limit";
import type { DriftView, InstanceView } from "../../schemas/api.ts";
import { ProblemError } from "../../schemas/problem.ts";
import type { ProbeInput, ProbeName, ProbeOutput } from "../../schemas/verbs/index.ts";
import { mayAsk } from "../http/may-ask.ts";
import type { Caller, Controller } from "../loop/controller.ts";
import type { Known, KnownHost } from "./known.ts";
import { redact } from "./redact.ts";

/** An answer of a host, or why there is none. */
export type Read<T> = { readonly host: string; readonly value: T } | { readonly host: string; readonly problem: string };

/** Read-only looks at hosts, bounded in number and time. Every text that comes back is covered for secrets, and its source is kept. */
export interface Reader {
  readonly known: Known;
  /** Untrusted sources that were read: logs and files of hosts. */
  readonly taint: ReadonlySet<string>;
  /** The last lines of them, with where they are from, for the person to see. */
  readonly lines: readonly string[];
  /** Asks hosts that are online, 8 at a time; the others come back as problems. */
  ask<N extends ProbeName>(hosts: readonly KnownHost[], probe: N, input: ProbeInput<N>): Promise<readonly Read<ProbeOutput<N>>[]>;
  /** Instances that are declared on hosts, as they stand. */
  instances(hosts: readonly string[]): readonly InstanceView[];
  drift(hosts: readonly string[]): Promise<readonly DriftView[]>;
  /** What is kept of hosts, such as differences, on its way to a model: covered for secrets, and its source kept like that of an answer. */
  told<T>(source: string, value: T): T;
  /** What was done lately: entries of the audit chain that speak of these hosts or of all. */
  changes(
    hosts: readonly string[],
    count: number,
  ): Promise<readonly { readonly at: number; readonly who: string; readonly what: string; readonly about: string }[]>;
}

const timeoutMs = 5_000,
  mostLines = 40;

/** `caller`: for whom is read; what that role may not look at comes back as a problem. */
export function createReader(controller: Pick<Controller, "query" | "drift" | "audit">, known: Known, caller: Caller): Reader {
  const limit = pLimit(8),
    taint = new Set<string>(),
    lines: string[] = [];
  const keep = (source: string, texts: readonly string[]): void => {
    taint.add(source);
    for (const text of texts) lines.push(`${source}: ${text.slice(0, 300)}`);
    lines.splice(0, Math.max(0, lines.length - mostLines));
  };
  const one = async <N extends ProbeName>(host: KnownHost, probe: N, input: ProbeInput<N>): Promise<Read<ProbeOutput<N>>> => {
    if (!host.online) return { host: host.name, problem: "it is not connected" };
    try {
      mayAsk(caller, host.name, probe, input, () => known.resources);
      const value = covered((await controller.query(host.name, probe, input, timeoutMs)) as ProbeOutput<N>),
        untrusted = textsOf(probe, input, value);
      if (untrusted !== undefined) keep(`${untrusted.what} of ${host.name}`, untrusted.texts);
      return { host: host.name, value };
    } catch (thrown) {
      if (thrown instanceof ProblemError) return { host: host.name, problem: thrown.problems[0]?.summary ?? "it did not answer" };
      throw thrown;
    }
  };
  const mentions = (text: string, hosts: readonly string[]): boolean => hosts.some((host) => text.endsWith(`@${host}`) || text === host);
  return {
    known,
    taint,
    lines,
    ask: (hosts, probe, input) => Promise.all(hosts.slice(0, 200).map((host) => limit(() => one(host, probe, input)))),
    instances: (hosts) => known.resources.flatMap(({ instances }) => instances).filter(({ host }) => hosts.includes(host)),
    drift: async (hosts) => (await controller.drift({ open: true, limit: 200 })).items.filter(({ instance }) => mentions(instance, hosts)),
    told(source, value) {
      keep(source, []);
      return covered(value);
    },
    async changes(hosts, count) {
      const { items } = await controller.audit({ limit: 200 });
      // Without the details: these hold what other people said.
      return items
        .filter((entry) => mentions(entry.about, hosts) || /^(commit|run|approve|intent)/.test(entry.what))
        .slice(0, count)
        .map(({ at, who, what, about }) => ({ at, who, what, about }));
    },
  };
}

/** Every text inside a value with its secrets covered. */
function covered<T>(value: T): T {
  if (typeof value === "string") return redact(value) as T;
  if (Array.isArray(value)) return value.map(covered) as T;
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, covered(inner)])) as T;
}

/** What an answer holds that anybody on the host may have written: lines of logs, contents of files. */
function textsOf(
  probe: ProbeName,
  input: unknown,
  value: unknown,
): { readonly what: string; readonly texts: readonly string[] } | undefined {
  if (probe === "journal") {
    const { entries } = value as ProbeOutput<"journal">,
      { unit } = input as ProbeInput<"journal">;
    return { what: `logs${unit === undefined ? "" : ` (${unit})`}`, texts: entries.slice(-10).map(({ text }) => text) };
  }
  const { text, path, values } = value as ProbeOutput<"file">;
  return probe === "file" && (text !== undefined || values !== undefined)
    ? { what: `file ${path}`, texts: (text ?? JSON.stringify(values)).split("\n").slice(0, 10) }
    : undefined;
}
