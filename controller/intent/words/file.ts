import Type from "typebox";
import { type Format, Path } from "../../../schemas/verbs/file.ts";
import type { Known, KnownHost } from "../known.ts";
import { type ActionWords, type Expansion, type Params, question, refusal, type Reading, type Said, type Wish } from "./define.ts";
import { programOf, programs, type Setting, settingIn, type SettingsFile } from "./known-settings.ts";
import { unitOn } from "./unit-names.ts";

const ConfigSet = Type.Object(
  {
    key: Type.String({ minLength: 1, maxLength: 512, description: "The setting's name, such as memory_limit" }),
    value: Type.Union([Type.String({ maxLength: 4096 }), Type.Number(), Type.Boolean()]),
    service: Type.Optional(
      Type.String({ maxLength: 255, description: `The program: ${programs.map(({ program }) => program).join(", ")}; left out with path` }),
    ),
    path: Type.Optional(Type.Unsafe<string>({ ...Path, description: "The file, for other programs" })),
  },
  { additionalProperties: false },
);

const domainPattern = "^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$";
const SiteAdd = Type.Object(
  {
    domain: Type.String({ pattern: domainPattern, maxLength: 253 }),
    service: Type.Optional(Type.Literal("nginx", { description: "The web server" })),
  },
  { additionalProperties: false },
);

const formats: readonly (readonly [RegExp, Format])[] = [
  [/\.(ini|cnf|toml)$/, "ini"],
  [/\.json$/, "json"],
  [/\.ya?ml$/, "yaml"],
  [/(^|\/)\.?env$|\.env$|^\/etc\/default\/|^\/etc\/environment$/, "env"],
  [/\.conf$|sysctl|_config$/, "keyvalue"],
];
const formatOf = (path: string): Format | undefined => formats.find(([pattern]) => pattern.test(path))?.[1];

/** `512 MB` as programs write it: `512M`. */
const tidyValue = (value: string): string =>
  value.replace(/^(\d+)\s*([kmg])i?b?$/i, (_, digits: string, unit: string) => `${digits}${unit.toUpperCase()}`);

function readSetting({ words, value, paths }: Said): Reading | undefined {
  const text = words.join(" "),
    path = paths[0];
  if (path !== undefined) {
    const key = words.find((word) => /^[a-z][\w.-]*$/i.test(word) && (word.includes("_") || word.includes("."))) ?? words.at(-1);
    if (key === undefined || value === undefined) return undefined;
    return { params: { key, value, path } };
  }
  const found = settingIn(text);
  if (found === undefined) return undefined;
  const { program, setting } = found,
    name = setting.key.replace(/^(PHP|mysqld)\./, "");
  if (value === undefined) return question(`To what should ${name} be set? For example: ${setting.example}.`);
  return { params: { service: program.program, key: name, value: tidyValue(value) } };
}

const fileWish = (file: SettingsFile, key: string, value: unknown, hosts: readonly string[], program: string): Wish => ({
  kind: "File",
  claim: `file:${file.path}`,
  hosts,
  name: `${program}-settings`,
  identity: { path: file.path, format: file.format },
  set: { values: { [key]: value } },
  defaults: {
    ...(file.validator === undefined ? {} : { validator: file.validator }),
    ...(file.reloads === undefined ? {} : { reloads: [...file.reloads] }),
    ...(file.restarts === undefined ? {} : { restarts: [...file.restarts] }),
  },
  momentary: false,
  conflict: (spec) =>
    spec["values"] === undefined && (spec["content"] ?? spec["source"] ?? spec["template"]) !== undefined
      ? "it writes the whole file; set the value in its content"
      : spec["format"] !== undefined && spec["format"] !== file.format
        ? `it reads the file as ${String(spec["format"])}, not as ${file.format}`
        : undefined,
});

function expandSetting(params: Params, hosts: readonly KnownHost[]): Expansion {
  const value = typeof params["value"] === "string" ? tidyValue(params["value"]) : params["value"],
    key = String(params["key"]);
  if (typeof params["path"] === "string") return expandPath(params["path"], key, value, hosts);
  const program = programOf(String(params["service"] ?? "")),
    setting = program === undefined ? undefined : settingIn(key, program.program)?.setting;
  if (program === undefined || setting === undefined)
    return question(`Which file holds ${key}? Say it with its path, such as: set ${key} to ${String(value)} in /etc/…`);
  if (!setting.value.test(String(value)))
    return refusal("infeasible", `${key} cannot be set to ${String(value)}; a value such as ${setting.example} is expected.`);
  const byPath = new Map<string, { file: SettingsFile; hosts: string[] }>(),
    skipped: { host: string; reason: string }[] = [];
  for (const host of hosts) {
    const file = program.file(host);
    if (file === undefined)
      skipped.push({
        host: host.name,
        reason: host.units === undefined ? "its services are not known now" : `${program.program} is not there`,
      });
    else byPath.set(file.path, { file, hosts: [...(byPath.get(file.path)?.hosts ?? []), host.name] });
  }
  if (byPath.size === 0)
    return refusal(
      hosts.every((host) => host.units === undefined) ? "no_data" : "unknown_service",
      `${program.program} was not found on ${hosts.length === 1 ? hosts[0]!.name : `any of the ${hosts.length} hosts`}.`,
    );
  return { wishes: [...byPath.values()].map(({ file, hosts: on }) => fileWish(file, setting.key, value, on, program.program)), skipped };
}

function expandPath(path: string, key: string, value: unknown, hosts: readonly KnownHost[]): Expansion {
  const format = formatOf(path);
  if (format === undefined)
    return refusal("infeasible", `Unable to tell how values stand in ${path}. Known endings: .ini .cnf .json .yaml .env .conf`);
  const name = path.slice(path.lastIndexOf("/") + 1).replace(/\.[a-z]+$/, "");
  return {
    wishes: [
      {
        ...fileWish(
          { path, format },
          key,
          value,
          hosts.map((host) => host.name),
          name,
        ),
        name: `${name}-values`,
      },
    ],
    skipped: [],
  };
}

/** A site of its own in conf.d, which every distribution's nginx includes. */
function expandSite(params: Params, hosts: readonly KnownHost[], known: Known): Expansion {
  const domain = String(params["domain"]),
    skipped: { host: string; reason: string }[] = [],
    on: string[] = [];
  for (const host of hosts) {
    if (unitOn(host, "nginx", known) === undefined) skipped.push({ host: host.name, reason: "it has no nginx" });
    else on.push(host.name);
  }
  if (on.length === 0) return refusal("unknown_service", "There is no nginx on these hosts.");
  const content = `server {\n    listen 80;\n    listen [::]:80;\n    server_name ${domain};\n    root /var/www/${domain};\n    index index.html;\n}\n`;
  const wish: Wish = {
    kind: "File",
    claim: `file:/etc/nginx/conf.d/${domain}.conf`,
    hosts: on,
    name: `site-${domain.replaceAll(".", "-")}`,
    identity: { path: `/etc/nginx/conf.d/${domain}.conf`, content },
    set: {},
    defaults: { mode: "0644", validator: "nginx", reloads: ["nginx.service"] },
    momentary: false,
    conflict: (spec) => (spec["content"] === content ? undefined : "the site is declared already; change it there"),
  };
  return { wishes: [wish], skipped };
}

function weakening(params: Params): string | undefined {
  const service = params["service"] === undefined ? undefined : String(params["service"]);
  const setting: Setting | undefined =
    settingIn(String(params["key"]), service)?.setting ?? settingIn(`sshd ${String(params["key"])}`)?.setting;
  return setting?.weakens?.test(String(params["value"])) === true
    ? `${setting.key} ${String(params["value"])} weakens protection`
    : undefined;
}

/** What can be said about configuration files. */
export const fileWords: readonly ActionWords[] = [
  {
    action: "config.set",
    summary: `Set one value in a configuration file of ${programs.map(({ program }) => program).join(", ")}, or in a file named by its path`,
    params: ConfigSet,
    verbs: {
      en: ["set", "change", "update", "increase", "raise", "lower", "decrease", "reduce", "configure", "adjust", "modify"],
      de: ["setze", "setzen", "andere", "andern", "erhohe", "erhohen", "stelle", "konfiguriere", "aktualisiere", "senke", "verringere"],
      es: [
        "establece",
        "establecer",
        "cambia",
        "cambiar",
        "pon",
        "poner",
        "ajusta",
        "ajustar",
        "configura",
        "configurar",
        "aumenta",
        "aumentar",
        "sube",
        "actualiza",
        "reduce",
        "baja",
      ],
    },
    grave: weakening,
    read: readSetting,
    home: (params, known) =>
      known.hosts.filter((host) => programOf(String(params["service"] ?? ""))?.file(host) !== undefined && host.units !== undefined),
    expand: (params, hosts) => expandSetting(params, hosts),
  },
  {
    action: "site.add",
    summary: "Add a web site for a domain to nginx: a server block of its own",
    params: SiteAdd,
    verbs: {
      en: ["add", "create", "set up", "configure", "host"],
      de: ["fuge … hinzu", "hinzufugen", "richte … ein", "erganze", "lege … an"],
      es: ["anade", "anadir", "agrega", "agregar", "crea", "configura"],
    },
    read({ domains, words }) {
      const domain = domains[0];
      if (
        domain === undefined ||
        !words.some((word) => /^(domain|domane|dominio|site|website|webseite|sitio|vhost|virtualhost|nginx|server_name)$/.test(word))
      )
        return undefined;
      return { params: { domain: domain.toLowerCase(), service: "nginx" } };
    },
    home: (_params, known) => known.hosts.filter((host) => typeof unitOn(host, "nginx", known) === "string"),
    expand: (params, hosts, _now, known) => expandSite(params, hosts, known),
  },
];
