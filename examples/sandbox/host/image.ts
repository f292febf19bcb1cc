import { basePackages } from "./base-packages.ts";
import { file, type PretendFile, type PretendPackage, type UnitDefinition } from "./parts.ts";
import { type Repository, repositories, versionsOf } from "./repository.ts";
import type { Role } from "./role.ts";
import { type System, systems, type SystemName } from "./system.ts";

/** What all hosts of one system and role have in common when they are new. Hosts keep only what differs from it. */
export interface Image {
  readonly system: System;
  readonly role: Role;
  readonly repository: Repository;
  /** Installed version by package. */
  readonly packages: ReadonlyMap<string, string>;
  readonly files: ReadonlyMap<string, PretendFile>;
  /** Units of everything that the repository offers, installed or not, with the package that brings them; aliases too. */
  readonly units: ReadonlyMap<string, { readonly definition: UnitDefinition; readonly pack: string }>;
  readonly users: ReadonlySet<string>;
}

const made = new Map<string, Image>();

/** The image of a system and role: made once, shared by all hosts. */
export function imageOf(system: SystemName, role: Role): Image {
  const key = `${system} ${role.name}`;
  const known = made.get(key);
  if (known !== undefined) return known;
  const image = makeImage(systems[system], role);
  made.set(key, image);
  return image;
}

function makeImage(system: System, role: Role): Image {
  const repository = repositories[system.name];
  const base = basePackages.filter((pack) => repository.has(pack.name));
  const packages = withDependencies([...base, ...softwareOf(role, repository)], repository);
  return {
    system,
    role,
    repository,
    packages: new Map(packages.map((pack) => [pack.name, versionsOf(pack, system.name)[0]!])),
    files: new Map([...systemFiles(system), ...packages.flatMap((pack) => [...pack.files])]),
    units: new Map([...repository.values()].flatMap(unitsOf)),
    users: new Set(["root", "nobody", "www-data", "adm", "daemon", "mail", "app", ...packages.flatMap((pack) => pack.users)]),
  };
}

function softwareOf(role: Role, repository: Repository): PretendPackage[] {
  const php = [...repository.keys()].find((name) => /^php.*-fpm$/.test(name));
  return role.software.flatMap((name) => repository.get(name === "php-fpm" ? (php ?? name) : name) ?? []);
}

/** The packages and all that they need, each once. */
export function withDependencies(packages: readonly PretendPackage[], repository: Repository): PretendPackage[] {
  const all = new Set<PretendPackage>();
  const add = (pack: PretendPackage): void => {
    if (all.has(pack)) return;
    for (const name of pack.depends) {
      const needed = repository.get(name);
      if (needed !== undefined) add(needed);
    }
    all.add(pack);
  };
  for (const pack of packages) add(pack);
  return [...all];
}

const unitsOf = (pack: PretendPackage): [string, { definition: UnitDefinition; pack: string }][] =>
  pack.units.flatMap((definition) =>
    [definition.unit, ...definition.aliases].map(
      (name) => [name, { definition, pack: pack.name }] as [string, { definition: UnitDefinition; pack: string }],
    ),
  );

const systemFiles = ({ os }: System): [string, PretendFile][] => [
  ["/etc/os-release", file(`PRETTY_NAME="${os.name}"\nID=${os.id}\nVERSION_ID="${os.version}"\n`)],
  ["/etc/timezone", file("Etc/UTC\n")],
  ["/etc/resolv.conf", file("nameserver 10.20.0.1\n")],
];
