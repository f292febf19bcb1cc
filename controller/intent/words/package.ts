import Type from "typebox";
import { PackageName } from "../../../schemas/verbs/package.ts";
import type { Known, KnownHost } from "../known.ts";
import { type ActionWords, type Expansion, type Params, question, type Reading, refusal, type Said, type Wish } from "./define.ts";
import { declaredUnits, unitOn, unitVocabulary } from "./unit-names.ts";

const name = Type.Unsafe<string>({ ...PackageName, description: "As the host's package manager writes it" });
const version = Type.Optional(
  Type.String({
    pattern: "^[A-Za-z0-9*][A-Za-z0-9.+~:_*-]*$",
    maxLength: 255,
    description: "Exact, or a glob such as 1.24.*; only where the request names one",
  }),
);
const WithVersion = Type.Object({ package: name, version }, { additionalProperties: false });
const Removal = Type.Object(
  { package: name, purge: Type.Optional(Type.Boolean({ description: "Its configuration and data too; only where the request says so" })) },
  { additionalProperties: false },
);

/** Without these a host cannot be reached or does not boot. */
const essential = /^(systemd|openssh-server|sudo|dpkg|apt|bash|libc6|init|linux-image.*|coreutils|dbus|python3)$/;

function readPackage({ object, objectIsHosts, value, domains, paths, known }: Said, withVersion: boolean): Reading | undefined {
  if (domains.length > 0 || paths.length > 0) return undefined;
  if (object.length === 0 || objectIsHosts)
    return refusal("unsupported", "Upgrading or changing all packages of a host at once is not supported yet. Name the package.");
  const plain = object.filter((word) => !["latest", "newest", "neueste", "neuesten", "aktuelle", "ultima", "version"].includes(word));
  const found = plain.find((word) => /^\d+(\.\d+)+/.test(word)),
    words = plain.filter((word) => word !== found);
  if (words.length === 0) return question("Which package?");
  if (words.length > 1 && !unitVocabulary(known).includes(words.join("-"))) return undefined;
  const said = value !== undefined && /^[0-9*]/.test(value) ? value : found;
  return { params: { package: words.join("-"), ...(withVersion && said !== undefined ? { version: said } : {}) } };
}

/** Hosts where the package is already declared, or that run a service of its name. */
function homeOf(params: Params, known: Known): readonly KnownHost[] {
  const wanted = String(params["package"]);
  const declared = new Set(
    known.resources
      .filter((one) => one.kind === "Package" && packageOf(one.manifest, one.name) === wanted)
      .flatMap((one) => one.instances.map(({ host }) => host)),
  );
  return known.hosts.filter(
    (host) =>
      declared.has(host.name) ||
      (declaredUnits(known).size + (host.units?.length ?? 0) > 0 && typeof unitOn(host, wanted, known) === "string"),
  );
}

const packageOf = (manifest: unknown, name: string): string => (manifest as { spec?: { name?: string } }).spec?.name ?? name;

function expandPackage(params: Params, hosts: readonly KnownHost[], set: Params, momentary = false): Expansion {
  const wanted = String(params["package"]),
    wish: Wish = {
      kind: "Package",
      claim: `package:${wanted}`,
      hosts: hosts.map((host) => host.name),
      name: wanted.replace(/:.*$/, ""),
      identity: { name: wanted },
      set,
      momentary,
      conflict: (spec) =>
        momentary && spec["state"] === "absent"
          ? "it is declared as absent; install it first"
          : momentary && spec["version"] !== undefined
            ? `it is pinned to version ${String(spec["version"])}; say which version you want`
            : undefined,
    };
  return { wishes: [wish], skipped: [] };
}

/** What can be said about packages. */
export const packageWords: readonly ActionWords[] = [
  {
    action: "package.install",
    summary: "Make sure that a package is installed, in a version where one is named",
    params: WithVersion,
    verbs: {
      en: ["install", "add package", "add", "set up"],
      de: ["installiere", "installieren", "installier"],
      es: ["instala", "instalar", "instale"],
    },
    read: (said) => readPackage(said, true),
    home: () => [],
    expand: (params, hosts) =>
      expandPackage(params, hosts, {
        state: "present",
        purge: null,
        ...(params["version"] === undefined ? {} : { version: params["version"] }),
      }),
  },
  {
    action: "package.remove",
    summary: "Remove a package",
    params: Removal,
    verbs: {
      en: ["remove", "uninstall", "purge", "delete", "get rid of"],
      de: ["entferne", "entfernen", "deinstalliere", "deinstallieren", "losche", "loschen"],
      es: ["desinstala", "desinstalar", "elimina", "eliminar", "quita", "quitar", "borra"],
    },
    grave: (params) =>
      params["purge"] === true
        ? "its configuration and data are lost"
        : essential.test(String(params["package"]))
          ? "hosts do not work without it"
          : undefined,
    read(said) {
      const reading = readPackage(said, false);
      if (reading === undefined || !("params" in reading)) return reading;
      return said.verb === "purge" ? { params: { ...reading.params, purge: true } } : reading;
    },
    home: homeOf,
    expand: (params, hosts) =>
      expandPackage(params, hosts, {
        state: "absent",
        version: null,
        upgradedAt: null,
        ...(params["purge"] === true ? { purge: true } : {}),
      }),
  },
  {
    action: "package.upgrade",
    summary: "Bring a package to its newest version once, or to the version that is named",
    params: WithVersion,
    verbs: {
      en: ["upgrade", "update"],
      de: ["aktualisiere", "aktualisieren", "upgrade", "update"],
      es: ["actualiza", "actualizar", "actualice"],
    },
    read: (said) => readPackage(said, true),
    home: homeOf,
    expand: (params, hosts, now) =>
      params["version"] === undefined
        ? expandPackage(params, hosts, { upgradedAt: now }, true)
        : expandPackage(params, hosts, { state: "present", version: params["version"] }),
  },
];
