import type { Validator } from "../../../schemas/verbs/file.ts";
import { findProgram, findPrograms } from "../find-program.ts";
import { groupBy } from "../group-by.ts";

/** How a validator is run for some files: argument arrays, and whether it needs the host's network. */
export interface ValidatorRun {
  readonly paths: readonly string[];
  /** Undefined: no such program on this host; `looked` names what was looked for. */
  readonly argv: readonly string[] | undefined;
  readonly looked: string;
  /** nginx, haproxy, apache and postfix resolve names and bind addresses when they check: without a network they refuse good files. */
  readonly network: boolean;
  /** Lines of the output that refuse the files although the program ends with 0: what it is going to ignore. */
  readonly refuses?: RegExp;
}

type Programs = (paths: readonly string[]) => Promise<ValidatorRun[]>;

/** One run for all files: the program reads its whole configuration by itself. */
const whole =
  (names: readonly string[], args: readonly string[], network = false): Programs =>
  async (paths) => {
    const found = (await Promise.all(names.map(findProgram))).find((path) => path !== undefined);
    return [{ paths, argv: found === undefined ? undefined : [found, ...args], looked: names.join(" or "), network }];
  };

/** One run a file, whose path is an argument. */
const each =
  (name: string, args: (path: string) => readonly string[], network = false): Programs =>
  async (paths) => {
    const found = await findProgram(name);
    return paths.map((path) => ({ paths: [path], argv: found === undefined ? undefined : [found, ...args(path)], looked: name, network }));
  };

/** Validators that are programs; json and yaml are read by the agent itself. */
export const validatorPrograms: Readonly<Record<Exclude<Validator, "json" | "yaml">, Programs>> = {
  nginx: whole(["nginx"], ["-t"], true),
  apache: whole(["apache2ctl", "apachectl", "httpd"], ["-t"], true),
  sshd: whole(["sshd"], ["-t"]),
  "php-fpm": phpFpm,
  sudoers,
  "systemd-unit": systemdUnit,
  haproxy: each(
    "haproxy",
    (path) => [
      "-c",
      "-f",
      path.endsWith("/haproxy.cfg") ? path : "/etc/haproxy/haproxy.cfg",
      ...(path.endsWith("/haproxy.cfg") ? [] : ["-f", path]),
    ],
    true,
  ),
  named: whole(["named-checkconf"], ["-z"]),
  postfix,
};

/** A drop-in is checked as a part of its unit. */
const unitOf = (path: string): string =>
  /\/([^/]+\.(?:service|socket|timer|mount|automount|path|target|slice|swap))\.d\/[^/]+\.conf$/.exec(path)?.[1] ?? path;

/** systemd ignores keys that it does not know and values that it cannot read: in these files they are mistakes. Manual pages may be left out on a host. */
async function systemdUnit(paths: readonly string[]): Promise<ValidatorRun[]> {
  const found = await findProgram("systemd-analyze");
  return paths.map((path) => ({
    paths: [path],
    argv: found === undefined ? undefined : [found, "verify", "--man=no", unitOf(path)],
    looked: "systemd-analyze",
    network: false,
    refuses: new RegExp(`^${path.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}:[0-9]+: .*ignoring`, "im"),
  }));
}

/** `postfix check` writes what is wrong with main.cf to the system log alone; postconf says it. */
async function postfix(paths: readonly string[]): Promise<ValidatorRun[]> {
  const [postconf, check] = await Promise.all([findProgram("postconf"), findProgram("postfix")]);
  const run = (looked: string, found: string | undefined, arg: string): ValidatorRun => ({
    paths,
    argv: found === undefined ? undefined : [found, arg],
    looked,
    network: true,
  });
  return [run("postconf", postconf, "-n"), run("postfix", check, "check")];
}

/** PHP has one program a version, `php-fpm8.2`: the path of the file tells which, else the newest. */
async function phpFpm(paths: readonly string[]): Promise<ValidatorRun[]> {
  const programs = (await findPrograms("php-fpm")).filter((path) => /php-fpm[0-9.]*$/.test(path));
  const byVersion = groupBy(paths, (path) => /\/php\/([0-9.]+)\//.exec(path)?.[1] ?? "");
  return [...byVersion].map(([version, of]) => {
    const program = version === "" ? programs.at(-1) : programs.find((path) => path.endsWith(`php-fpm${version}`));
    return { paths: of, argv: program === undefined ? undefined : [program, "-t"], looked: `php-fpm${version}`, network: false };
  });
}

/** Each file by itself, and the whole of what sudo reads where they are part of that. */
async function sudoers(paths: readonly string[]): Promise<ValidatorRun[]> {
  const found = await findProgram("visudo");
  const runs = paths.map((path) => ({
    paths: [path],
    argv: found === undefined ? undefined : [found, "-c", "-f", path],
    looked: "visudo",
    network: false,
  }));
  const live = paths.some((path) => path === "/etc/sudoers" || path.startsWith("/etc/sudoers.d/"));
  return live ? [...runs, { paths, argv: found === undefined ? undefined : [found, "-c"], looked: "visudo", network: false }] : runs;
}
