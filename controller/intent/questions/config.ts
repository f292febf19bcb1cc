import { own } from "../own.ts";
import type { KnownHost } from "../known.ts";
import type { Reader } from "../reader.ts";
import type { Params } from "../words/define.ts";
import { programOf } from "../words/known-settings.ts";
import { openings, placesOf, wordSet } from "./cues.ts";
import type { Answer, Asking } from "./define.ts";

const configWords = wordSet(
  "config configuration configurations configs settings konfiguration konfigurationsdatei einstellungen configuracion configuraciones ajustes file files datei archivo fichero",
);
const decisive = wordSet(
  "config configuration configurations configs settings konfiguration konfigurationsdatei einstellungen configuracion configuraciones ajustes",
);

/** Main configuration files by program; the first that is there is shown. */
const files: Readonly<Record<string, readonly string[]>> = {
  nginx: ["/etc/nginx/nginx.conf"],
  apache: ["/etc/apache2/apache2.conf", "/etc/httpd/conf/httpd.conf"],
  apache2: ["/etc/apache2/apache2.conf", "/etc/httpd/conf/httpd.conf"],
  httpd: ["/etc/httpd/conf/httpd.conf", "/etc/apache2/apache2.conf"],
  haproxy: ["/etc/haproxy/haproxy.cfg"],
  mysql: ["/etc/mysql/my.cnf", "/etc/my.cnf"],
  mariadb: ["/etc/mysql/my.cnf", "/etc/my.cnf"],
  redis: ["/etc/redis/redis.conf", "/etc/redis.conf"],
  "redis-server": ["/etc/redis/redis.conf"],
  ssh: ["/etc/ssh/sshd_config"],
  sshd: ["/etc/ssh/sshd_config"],
  postfix: ["/etc/postfix/main.cf"],
  docker: ["/etc/docker/daemon.json"],
  prometheus: ["/etc/prometheus/prometheus.yml"],
  fail2ban: ["/etc/fail2ban/jail.local", "/etc/fail2ban/jail.conf"],
};

/** Files that a person or model may not be shown, whatever the agent would allow. */
const hidden =
  /^\/(etc\/(g?shadow-?|sudoers|ssh\/ssh_host_.*_key|ai-agent\/)|root\/\.ssh\/|home\/[^/]+\/\.ssh\/|proc\/|sys\/)|\.(key|pem|p12|pfx)$|(^|\/)id_(rsa|ed25519|ecdsa)$/;

export const isHidden = (path: string): boolean => hidden.test(path);

async function answerConfig(params: Params, hosts: readonly KnownHost[], reader: Reader): Promise<Answer> {
  const service = params["service"] === undefined ? undefined : String(params["service"]),
    names = hosts.map(({ name }) => name);
  const declared = reader.instances(names).filter(({ resource }) => service === undefined || resource.toLowerCase().includes(service));
  const reads = await Promise.all(
    hosts.slice(0, 20).map(async (host) => {
      const paths = (typeof params["path"] === "string" ? [params["path"]] : pathsFor(service, host, reader)).filter(
        (path) => !isHidden(path),
      );
      for (const path of paths) {
        const read = (await reader.ask([host], "file", { path, content: true }))[0]!;
        if ("problem" in read) return { host: host.name, path, problem: read.problem };
        if (read.value.type === "file") return { host: host.name, path, text: read.value.text, size: read.value.size };
      }
      return {
        host: host.name,
        path: paths[0],
        problem: paths.length === 0 ? "it is not known where this is configured; name the file" : "the file is not there",
      };
    }),
  );
  const shown = reads.map((read) =>
    "problem" in read ? `${read.host}: ${read.problem}` : `# ${read.host}:${read.path}\n${read.text ?? `(${read.size} bytes, not shown)`}`,
  );
  const managed = declared.length === 0 ? [] : [`Declared: ${[...new Set(declared.map(({ resource }) => resource))].join(", ")}`];
  return { text: [...shown, ...managed].join("\n"), data: { files: reads, declared }, resources: names };
}

const pathsFor = (service: string | undefined, host: KnownHost, reader: Reader): readonly string[] => {
  if (service === undefined) return [];
  const declared = reader.known.resources
    .filter(({ kind, instances }) => kind === "File" && instances.some((one) => one.host === host.name))
    .map(({ manifest }) => (manifest as { spec?: { path?: string } }).spec?.path ?? "")
    .filter((path) => path.includes(`/${service}`));
  const program = programOf(service)?.file(host)?.path;
  return [...(own(files, service) ?? []), ...(program === undefined ? [] : [program]), ...declared];
};

/** The text of a configuration file, with secrets covered, and what is declared about it. */
export const config: Asking = {
  ask: "config",
  summary: "The configuration file of a service, or a file by its path",
  hear(tokens) {
    const path = tokens.findIndex(({ raw }) => /^\/[\w./-]+$/.test(raw));
    if (placesOf(tokens, decisive).length === 0 && path < 0) return undefined;
    const used = new Set([...placesOf(tokens, openings), ...placesOf(tokens, configWords)]);
    if (path >= 0) used.add(path);
    return { params: path >= 0 ? { path: tokens[path]!.raw } : {}, used };
  },
  answer: answerConfig,
};
