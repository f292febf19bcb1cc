import type { InstanceView } from "../../../schemas/api.ts";
import { type KnownHost, pickText } from "../known.ts";
import { isHidden } from "../questions/config.ts";
import { questionNamed } from "../questions/index.ts";
import type { Reader } from "../reader.ts";

/** An answer of a reading tool: data with its source, or what was wrong with the question. */
export type ToolAnswer = { readonly source: string; readonly data: unknown } | { readonly problem: string };

type Input = Readonly<Record<string, unknown>>;

/** A name that a host chose for itself or its units, too short and too plain to hold much of a sentence. */
const plainName = (name: string): string => name.replaceAll(/[^\w.@:+\\-]+/g, "_").slice(0, 64);

/** The operating system of a host, as it names it. */
export const osOf = ({ as }: KnownHost): string => [as.os ?? "?", as.osVersion ?? ""].map(plainName).join(" ").trim();

const row = (host: KnownHost): object => ({
  name: host.summary.name,
  state: host.summary.state,
  os: osOf(host),
  kind: host.as.kind,
  tags: host.as.tags,
  labels: host.as.labels,
  aliases: host.as.aliases,
  services: host.units
    ?.filter(({ active }) => active === "active" || active === "failed")
    .map(({ unit, active }) => `${plainName(unit.replace(/\.service$/, ""))}${active === "failed" ? "!" : ""}`)
    .slice(0, 60),
});

/** A host as one row of what a model is shown. */
export const hostRow = row;

const hostOf = (name: unknown, reader: Reader): KnownHost | undefined =>
  reader.known.hosts.find((host) => host.name === name || (host.as.aliases ?? []).includes(String(name)));
const noHost = (name: unknown): ToolAnswer => ({ problem: `there is no host ${String(name)}; use search_resources` });

function picked(input: Input, reader: Reader): readonly KnownHost[] | undefined {
  return pickText(String(input["selector"] ?? ""), reader.known)?.hosts;
}

/** Instances as a model is told of them. What differs on a host, and why something is unknown, may be text that somebody wrote there. */
function told(of: string, instances: readonly InstanceView[], reader: Reader): readonly InstanceView[] {
  const some = instances.slice(0, 100),
    speaks = some.some(({ differences = [], fact, reason }) => differences.length > 0 || fact !== undefined || reason !== undefined);
  return speaks ? reader.told(`state of ${of}`, some) : some;
}

const badSelector: ToolAnswer = { problem: "this is no selector" };

/** The reading tools, by name. They change nothing. */
export const readingTools: Readonly<Record<string, (input: Input, reader: Reader) => Promise<ToolAnswer>>> = {
  async search_resources(input, reader) {
    const hosts = picked(input, reader),
      text = String(input["text"] ?? "").toLowerCase();
    if (hosts === undefined) return badSelector;
    const resources =
      text === ""
        ? []
        : reader.known.resources
            .filter(({ id }) => id.toLowerCase().includes(text))
            .slice(0, 40)
            .map(({ id, on }) => ({ id, on }));
    return { source: "inventory", data: { count: hosts.length, hosts: hosts.slice(0, 40).map(row), resources } };
  },
  async get_resource(input, reader) {
    const id = String(input["id"] ?? ""),
      host = hostOf(id, reader);
    if (host !== undefined)
      return {
        source: `host ${host.name}`,
        data: {
          ...row(host),
          metrics: { cpu: host.as.cpu, mem: host.as.mem, disk: host.as.disk },
          instances: told(host.name, reader.instances([host.name]), reader),
        },
      };
    const resource = reader.known.resources.find((one) => one.id === id);
    return resource === undefined
      ? { problem: `there is no ${id}` }
      : {
          source: `manifest ${resource.file}`,
          data: { manifest: resource.manifest, instances: told(resource.id, resource.instances, reader) },
        };
  },
  async read_metrics(input, reader) {
    const hosts = picked(input, reader);
    return hosts === undefined
      ? badSelector
      : {
          source: "metrics",
          data: hosts
            .slice(0, 200)
            .map(({ name, online, as }) => ({ name, online, cpu: as.cpu, mem: as.mem, disk: as.disk, load: as.load })),
        };
  },
  async read_logs(input, reader) {
    const host = hostOf(input["host"], reader),
      service = String(input["service"] ?? ""),
      level = String(input["level"] ?? "any").toLowerCase(),
      match = String(input["match"] ?? "");
    if (host === undefined) return noHost(input["host"]);
    const params = {
      lines: Math.min(200, Math.max(1, Number(input["lines"]) || 50)),
      ...(service === "" ? {} : { service }),
      ...(level === "any" ? {} : { level }),
      ...(match === "" ? {} : { match: match.slice(0, 200) }),
    };
    const { data, text, value } = await questionNamed("logs")!.answer(params, [host], reader);
    return { source: `log of ${host.name}`, data: value === 0 ? text : data };
  },
  async read_config(input, reader) {
    const host = hostOf(input["host"], reader),
      path = String(input["path"] ?? ""),
      service = String(input["service"] ?? "");
    if (host === undefined) return noHost(input["host"]);
    if (path !== "" && (!/^(\/[^/\u0000-\u001f]+)+$/.test(path) || /(^|\/)\.\.?(\/|$)/.test(path) || isHidden(path)))
      return { problem: `${path} is not shown` };
    const { data } = await questionNamed("config")!.answer(
      { ...(path === "" ? {} : { path }), ...(service === "" ? {} : { service: service.toLowerCase() }) },
      [host],
      reader,
    );
    return { source: `file of ${host.name}`, data };
  },
  async get_history(input, reader) {
    const hosts = picked(input, reader);
    return hosts === undefined
      ? badSelector
      : { source: "history", data: reader.told("history", (await questionNamed("history")!.answer({}, hosts, reader)).data) };
  },
};
