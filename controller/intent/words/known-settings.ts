import type { Format, Validator } from "../../../schemas/verbs/file.ts";
import { baseOf, type KnownHost } from "../known.ts";

/** Where a program keeps its settings on a host, and who has to read them again. */
export interface SettingsFile {
  readonly path: string;
  readonly format: Format;
  readonly validator?: Validator | undefined;
  readonly reloads?: readonly string[] | undefined;
  readonly restarts?: readonly string[] | undefined;
}

export interface Setting {
  readonly key: string;
  /** How people say it, beside the key's own last word with blanks for `_`. */
  readonly phrases: readonly string[];
  readonly value: RegExp;
  readonly example: string;
  /** Values that take protection away. */
  readonly weakens?: RegExp;
}

export interface Program {
  readonly program: string;
  readonly names: readonly string[];
  readonly settings: readonly Setting[];
  /** Undefined where the host does not have the program, as far as its units tell. */
  file(host: KnownHost): SettingsFile | undefined;
}

const size = /^\d+[KMG]?$/i,
  count = /^\d+$/,
  yesNo = /^(yes|no)$/i;
const unitOf = (host: KnownHost, pattern: RegExp): string | undefined =>
  host.units?.map(({ unit }) => unit).find((unit) => pattern.test(unit));

const php: Program = {
  program: "php",
  names: ["php", "php-fpm", "fpm"],
  settings: [
    { key: "PHP.memory_limit", phrases: ["memory", "speicherlimit", "limite de memoria"], value: /^(-1|\d+[KMG]?)$/i, example: "512M" },
    {
      key: "PHP.upload_max_filesize",
      phrases: ["upload limit", "upload size", "max upload", "upload max filesize"],
      value: size,
      example: "64M",
    },
    { key: "PHP.post_max_size", phrases: ["post size", "max post size"], value: size, example: "64M" },
    { key: "PHP.max_execution_time", phrases: ["execution time", "timeout"], value: count, example: "60" },
    { key: "PHP.max_input_vars", phrases: ["input vars"], value: count, example: "2000" },
    { key: "PHP.display_errors", phrases: ["display errors"], value: /^(on|off)$/i, example: "Off" },
  ],
  file(host) {
    const unit = unitOf(host, /^php\d+(\.\d+)*-fpm\.service$/),
      version = unit?.slice(3, unit.indexOf("-fpm"));
    if (unit !== undefined && version !== undefined)
      return { path: `/etc/php/${version}/fpm/php.ini`, format: "ini", validator: "php-fpm", reloads: [unit] };
    const plain = unitOf(host, /^php-fpm\.service$/);
    return plain === undefined ? undefined : { path: "/etc/php.ini", format: "ini", validator: "php-fpm", reloads: [plain] };
  },
};

const sshd: Program = {
  program: "sshd",
  names: ["ssh", "sshd", "openssh"],
  settings: [
    {
      key: "PermitRootLogin",
      phrases: ["root login", "permit root login"],
      value: /^(yes|no|prohibit-password|forced-commands-only)$/i,
      example: "no",
      weakens: /^yes$/i,
    },
    {
      key: "PasswordAuthentication",
      phrases: ["password authentication", "password login", "passwords"],
      value: yesNo,
      example: "no",
      weakens: /^yes$/i,
    },
    { key: "X11Forwarding", phrases: ["x11 forwarding"], value: yesNo, example: "no" },
    { key: "MaxAuthTries", phrases: ["max auth tries"], value: count, example: "3" },
    { key: "ClientAliveInterval", phrases: ["client alive interval"], value: count, example: "300" },
  ],
  file(host) {
    const unit = unitOf(host, /^sshd?\.service$/);
    return unit === undefined ? undefined : { path: "/etc/ssh/sshd_config", format: "keyvalue", validator: "sshd", reloads: [unit] };
  },
};

const mysql: Program = {
  program: "mysql",
  names: ["mysql", "mariadb"],
  settings: [
    { key: "mysqld.max_connections", phrases: ["connections", "connection limit"], value: count, example: "300" },
    {
      key: "mysqld.innodb_buffer_pool_size",
      phrases: ["buffer pool", "innodb buffer pool", "buffer pool size"],
      value: size,
      example: "2G",
    },
    { key: "mysqld.max_allowed_packet", phrases: ["packet size", "allowed packet"], value: size, example: "64M" },
    { key: "mysqld.slow_query_log", phrases: ["slow query log"], value: /^(on|off|0|1)$/i, example: "on" },
  ],
  file(host) {
    const unit = unitOf(host, /^(mysql|mariadb|mysqld)\.service$/);
    if (unit === undefined) return undefined;
    const folder =
      host.as.os === "debian" || host.as.os === "ubuntu"
        ? `/etc/mysql/${unit.startsWith("maria") ? "mariadb.conf.d" : "mysql.conf.d"}`
        : "/etc/my.cnf.d";
    return { path: `${folder}/zz-backend-ai.cnf`, format: "ini", restarts: [unit] };
  },
};

const kernel: Program = {
  program: "sysctl",
  names: ["sysctl", "kernel"],
  settings: [
    { key: "vm.swappiness", phrases: ["swappiness"], value: count, example: "10" },
    { key: "fs.file-max", phrases: ["file max", "open files"], value: count, example: "2097152" },
    { key: "net.core.somaxconn", phrases: ["somaxconn"], value: count, example: "4096" },
  ],
  file: (host) =>
    host.units === undefined || host.units.some(({ unit }) => unit === "systemd-sysctl.service")
      ? { path: "/etc/sysctl.d/60-backend-ai.conf", format: "keyvalue", restarts: ["systemd-sysctl.service"] }
      : undefined,
};

/** Programs whose settings can be named in words. Others need the file's path. */
export const programs: readonly Program[] = [php, sshd, mysql, kernel];

const spoken = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[_.-]+/g, " ")
    .trim();
const lastPart = (key: string): string => key.replace(/^(PHP|mysqld)\./, "");

/** How a setting may be named, longest first. */
const namesOf = (setting: Setting): readonly string[] =>
  [setting.key, lastPart(setting.key), ...setting.phrases]
    .map(spoken)
    .concat(
      lastPart(setting.key)
        .replaceAll(/([a-z])([A-Z])/g, "$1 $2")
        .toLowerCase(),
    )
    .sort((a, b) => b.length - a.length);

export const programOf = (name: string): Program | undefined =>
  programs.find(({ names }) => names.includes(baseOf(name.toLowerCase())) || (/^php[\d.]*-fpm$/.test(name) && names.includes("php")));

/** The setting that is named by its key or a phrase in it: the longest name wins; undefined where none is, or two of different programs are. */
export function settingIn(text: string, service?: string): { readonly program: Program; readonly setting: Setting } | undefined {
  const words = ` ${spoken(text)} `,
    of =
      service === undefined
        ? programs.filter(({ names }) => names.some((name) => words.includes(` ${spoken(name)} `)))
        : [programOf(service)].filter((one) => one !== undefined);
  const generic = of.length === 0 ? programs : of;
  let best: { program: Program; setting: Setting; length: number } | undefined,
    tied = false;
  for (const program of generic)
    for (const setting of program.settings)
      for (const name of namesOf(setting)) {
        if (!words.includes(` ${name} `) || (of.length === 0 && setting.phrases.includes(name) && name.split(" ").length < 2)) continue;
        if (best === undefined || name.length > best.length) [best, tied] = [{ program, setting, length: name.length }, false];
        else if (name.length === best.length && best.setting !== setting) tied = true;
      }
  return best === undefined || tied ? undefined : best;
}
