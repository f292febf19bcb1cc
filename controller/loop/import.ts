import { stringify } from "yaml";
import { ask } from "../../schemas/contract.ts";
import type { FileEdit, ImportRequest, ImportView } from "../../schemas/api.ts";
import { canonicalJson } from "../../schemas/canonical.ts";
import { apiVersion } from "../../schemas/manifest.ts";
import { error, type Problem, ProblemError, warning } from "../../schemas/problem.ts";
import { fileProbe } from "../../schemas/verbs/file.ts";
import { packageProbe, packagesProbe } from "../../schemas/verbs/package.ts";
import { type ServiceFact, serviceProbe, servicesProbe } from "../../schemas/verbs/service.ts";
import type { KindTable } from "../kinds/define.ts";
import type { Desired } from "../core/select.ts";
import { resourceId } from "../../schemas/ids.ts";
import { compileGlob } from "../../schemas/selector/glob.ts";
import { guestProbe, type GuestRow } from "../../schemas/verbs/proxmox/guest.ts";

interface ImportOptions {
  readonly hosts: readonly string[];
  /** Guests of a host that stands for a cluster. */
  readonly guests: (host: string) => readonly GuestRow[];
  readonly kinds: KindTable;
  readonly desired: Desired;
  readonly query: (host: string, ask: { probe: string; input: unknown }) => Promise<unknown>;
}

interface Found {
  readonly kind: string;
  readonly title: string;
  readonly spec: Record<string, unknown>;
  readonly hosts: string[];
}

/** Asks hosts for chosen services, files and packages and writes manifests that describe them as they are: the next plan is empty. Names may be globs for services and packages. */
export async function importFrom(request: ImportRequest, options: ImportOptions): Promise<ImportView> {
  const problems: Problem[] = [],
    found = new Map<string, Found>();
  for (const host of options.hosts)
    for (const [kindName, title, wanted] of await expand(request, host, options, problems))
      await look(host, kindName, title, wanted, options, found, problems);
  const taken = new Set(options.desired.resources.keys());
  const edits: FileEdit[] = [],
    resources: string[] = [];
  for (const one of [...found.values()].sort((a, b) => (a.title < b.title ? -1 : 1))) {
    const name = freeName(one, taken);
    taken.add(`${one.kind}/${name}`);
    resources.push(`${one.kind}/${name}`);
    edits.push({ path: `manifests/imported/${one.kind.toLowerCase()}-${name}.yaml`, text: manifest(one, name) });
  }
  return { edits, problems, resources };
}

type Wanted = readonly [kind: string, title: string, ask: { probe: string; input: unknown }];

async function expand(request: ImportRequest, host: string, options: ImportOptions, problems: Problem[]): Promise<Wanted[]> {
  const wanted: Wanted[] = [];
  const list = async <T>(probe: string, pattern: string, pick: (value: unknown) => T[]): Promise<T[]> =>
    options
      .query(host, { probe, input: { pattern } })
      .then(pick, (failure: unknown) => (problems.push(problemOf(host, pattern, failure)), []));
  for (const service of request.services) {
    const unit = /\.[a-z]+$/.test(service) ? service : `${service}.service`;
    const units = /[*?]/.test(service)
      ? await list(servicesProbe.name, unit, (value) => (value as { units: { unit: string }[] }).units.map((one) => one.unit))
      : [unit];
    wanted.push(...units.map((one): Wanted => ["Service", one, ask(serviceProbe, { unit: one })]));
  }
  for (const path of request.files) wanted.push(["File", path, ask(fileProbe, { path, content: true })]);
  for (const name of request.packages) {
    const names = /[*?]/.test(name)
      ? await list(packagesProbe.name, name, (value) => (value as { packages: { name: string }[] }).packages.map((one) => one.name))
      : [name];
    wanted.push(...names.map((one): Wanted => ["Package", one, ask(packageProbe, { name: one })]));
  }
  for (const guest of request.guests ?? []) {
    const rows = options
      .guests(host)
      .filter(({ id, name }) => String(id) === guest || compileGlob(guest.toLowerCase())(name.toLowerCase()));
    if (rows.length === 0)
      problems.push(
        warning("import/nothing", `${guest} on ${host}: the cluster has no such guest`, {
          hint: "Name it by its name, a glob, or its number.",
        }),
      );
    wanted.push(...rows.map(guestWanted));
  }
  return wanted;
}

/** A guest by its number: names need not be unique. */
function guestWanted({ id, type, name }: GuestRow): Wanted {
  const kind = type === "vm" ? "VirtualMachine" : "Container";
  return [
    kind,
    name === "" ? String(id) : name,
    ask(guestProbe, { resource: resourceId(kind, label(name)), type, id, name: name === "" ? `guest-${id}` : name }),
  ];
}

async function look(
  host: string,
  kindName: string,
  title: string,
  wanted: { probe: string; input: unknown },
  options: ImportOptions,
  found: Map<string, Found>,
  problems: Problem[],
): Promise<void> {
  const kind = options.kinds.get(kindName);
  if (kind?.scope !== "hosts") return;
  try {
    const asked = await options.query(host, wanted),
      name = kindName === "Service" ? ((asked as ServiceFact).id ?? title) : title,
      fact = name === title ? asked : await options.query(host, ask(serviceProbe, { unit: name })),
      spec = kind.describeFact(fact);
    if (spec === undefined)
      return void problems.push(
        warning("import/nothing", `${title} on ${host}: nothing there that a manifest could describe`, {
          hint: "Check the name; files have to be UTF-8 text of at most 64 KiB.",
        }),
      );
    // A manifest in force may call the unit by its alias.
    const claims = [asked, fact].flatMap((one) => kind.claims(kind.describeFact(one) ?? spec));
    const owner = (options.desired.byHost.get(host) ?? []).find((instance) => {
      const other = options.kinds.get(instance.resource.kind);
      return other?.scope === "hosts" && other.claims(instance.resource.resource.spec).some((claim) => claims.includes(claim));
    });
    if (owner !== undefined)
      return void problems.push(
        warning("import/managed", `${title} on ${host} is managed by ${owner.resource.id} already`, { where: owner.resource.where() }),
      );
    const key = `${kindName} ${name} ${canonicalJson(spec)}`,
      known = found.get(key);
    if (known === undefined) found.set(key, { kind: kindName, title: name, spec, hosts: [host] });
    else if (!known.hosts.includes(host)) known.hosts.push(host);
  } catch (failure) {
    problems.push(problemOf(host, title, failure));
  }
}

const problemOf = (host: string, title: string, failure: unknown): Problem =>
  failure instanceof ProblemError && failure.problems[0] !== undefined
    ? { ...failure.problems[0], summary: `Unable to read ${title} on ${host}: ${failure.problems[0].summary}` }
    : error("import/failed", `Unable to read ${title} on ${host}: ${failure instanceof Error ? failure.message : String(failure)}`);

/** A DNS label made of the unit, path or package name; with the host's name, then a number, where that is taken. */
function freeName(one: Found, taken: ReadonlySet<string>): string {
  const base = label(one.kind === "Service" ? one.title.replace(/\.service$/, "") : one.title);
  const withHost = label(`${base}-${one.hosts[0] ?? ""}`);
  for (const name of [base, withHost]) if (!taken.has(`${one.kind}/${name}`)) return name;
  for (let number = 2; ; number++) if (!taken.has(`${one.kind}/${label(`${withHost}-${number}`)}`)) return label(`${withHost}-${number}`);
}

const label = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 60)
    .replace(/-+$/, "") || "imported";

/** Guests stand on the cluster that has them; everything else on the hosts that are picked. */
const isGuestKind = (kind: string): boolean => kind === "VirtualMachine" || kind === "Container";

function manifest(one: Found, name: string): string {
  const where = isGuestKind(one.kind) ? { cluster: one.hosts[0] } : { on: one.hosts.map((host) => `name=${host}`).join(" | ") };
  const resource = { apiVersion, kind: one.kind, metadata: { name }, spec: { ...where, ...one.spec } };
  return stringify(resource, { lineWidth: 0 });
}
