import { own } from "../own.ts";
import type { ResourceView } from "../../../schemas/api.ts";
import { nearest } from "../../../schemas/selector/nearest.ts";
import { baseOf, type Known, type KnownHost } from "../known.ts";

/** Units that a common name may stand for, most usual first: packages of distributions name them differently. */
const synonyms: Readonly<Record<string, readonly string[]>> = {
  apache: ["apache2", "httpd"],
  apache2: ["apache2", "httpd"],
  httpd: ["httpd", "apache2"],
  mysql: ["mysql", "mariadb", "mysqld"],
  mariadb: ["mariadb", "mysql"],
  postgres: ["postgresql"],
  postgresql: ["postgresql"],
  ssh: ["ssh", "sshd"],
  sshd: ["ssh", "sshd"],
  redis: ["redis-server", "redis"],
  cron: ["cron", "crond"],
  mongo: ["mongod", "mongodb"],
  mongodb: ["mongod", "mongodb"],
  rabbitmq: ["rabbitmq-server"],
  firewall: ["ufw", "firewalld", "nftables"],
  ntp: ["chrony", "chronyd", "ntp", "systemd-timesyncd"],
  syslog: ["rsyslog", "syslog-ng"],
  docker: ["docker"],
  nginx: ["nginx"],
  haproxy: ["haproxy"],
  grafana: ["grafana-server"],
  elasticsearch: ["elasticsearch"],
  memcached: ["memcached"],
  postfix: ["postfix"],
  tomcat: ["tomcat9", "tomcat10", "tomcat"],
};

/** Units, without `.service`, that a name may stand for. */
export function unitsFor(name: string): readonly string[] {
  const base = baseOf(name.toLowerCase());
  return own(synonyms, base) ?? [base];
}

const vocabularies = new WeakMap<Known, readonly string[]>();
const declarations = new WeakMap<Known, ReadonlyMap<string, ReadonlySet<string>>>();

function remembered<T>(memory: WeakMap<Known, T>, known: Known, make: (known: Known) => T): T {
  const before = memory.get(known);
  if (before !== undefined) return before;
  const made = make(known);
  memory.set(known, made);
  return made;
}

/** Every name that a sentence may use for a unit: of the hosts, of Service resources, and the common ones. */
export const unitVocabulary = (known: Known): readonly string[] => remembered(vocabularies, known, vocabularyOf);

/** Units that Service resources manage, also by the resource's own name, with the hosts of each. */
export const declaredUnits = (known: Known): ReadonlyMap<string, ReadonlySet<string>> => remembered(declarations, known, declaredOf);

function vocabularyOf(known: Known): readonly string[] {
  const names = new Set(Object.keys(synonyms));
  for (const host of known.hosts) for (const { unit } of host.units ?? []) names.add(baseOf(unit).toLowerCase());
  for (const unit of declaredUnits(known).keys()) names.add(baseOf(unit).toLowerCase());
  for (const resource of known.resources) if (resource.kind === "Service") names.add(resource.name);
  return [...names];
}

function declaredOf(known: Known): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const resource of known.resources) {
    if (resource.kind !== "Service") continue;
    const unit = unitOfResource(resource),
      hosts = found.get(unit) ?? new Set();
    for (const { host } of resource.instances) hosts.add(host);
    found.set(unit, hosts);
  }
  return found;
}

/** The unit of a Service resource, with its ending. */
export const unitOfResource = (resource: ResourceView): string =>
  fullUnit((resource.manifest as { spec?: { unit?: string } }).spec?.unit ?? resource.name);

/** The unit of a host that a name stands for; undefined: it has none of them; null: nobody knows. `php-fpm` finds `php8.2-fpm`. */
export function unitOn(host: KnownHost, name: string, known: Known): string | undefined | null {
  const named = known.resources.find((one) => one.kind === "Service" && one.name === baseOf(name)),
    declared = declaredUnits(known);
  const wanted = [...(named === undefined ? [] : [unitOfResource(named)]), ...unitsFor(name).map(fullUnit)];
  for (const unit of wanted) if (declared.get(unit)?.has(host.name) === true) return unit;
  if (host.units === undefined) return null;
  const there = new Map(host.units.map(({ unit }) => [unit.toLowerCase(), unit]));
  for (const unit of wanted) {
    const found = there.get(unit.toLowerCase());
    if (found !== undefined) return found;
  }
  const versioned = /^php(-fpm)?$/.test(baseOf(name)) ? [...there.values()].filter((unit) => /^php[\d.]*-fpm\.service$/.test(unit)) : [];
  return versioned.length === 1 ? versioned[0] : undefined;
}

/** The unit's name with its ending. */
export const fullUnit = (name: string): string => (/\.(service|socket|timer|mount|path|target)$/.test(name) ? name : `${name}.service`);

/** The names of a vocabulary that a misspelt one may be: one or two typing mistakes away, with the same digits. */
export function spelling(word: string, vocabulary: readonly string[]): string | undefined {
  if (word.length < 4) return undefined;
  const digits = word.replace(/\D/g, ""),
    near = nearest(
      word,
      vocabulary.filter((name) => name.replace(/\D/g, "") === digits && Math.abs(name.length - word.length) <= 2),
    );
  return near !== undefined && near !== word ? near : undefined;
}
