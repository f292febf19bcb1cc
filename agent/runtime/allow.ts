import { error, type Problem } from "../../schemas/problem.ts";
import { compileGlob } from "../../schemas/selector/glob.ts";
import { reasonOf } from "./log.ts";
import { pathPattern, type PathPattern } from "./path-pattern.ts";

/** What the agent's own file accepts: patterns of verbs (`!name` refuses, and reaches probes too) and of paths. */
export interface Allowance {
  readonly verbs: readonly string[];
  readonly allowPaths: readonly string[];
  readonly denyPaths: readonly string[];
  /** Folders of the agent itself, refused beside `refusedPaths`. */
  readonly ownPaths: readonly string[];
}

/** Paths through which root can be had or that are no files at all: refused unless ALLOW_PATHS names them or something below them. */
export const refusedPaths: readonly string[] = [
  "/etc/sudoers",
  "/etc/sudoers.d",
  "/etc/cron*",
  "/etc/anacrontab",
  "/etc/at.*",
  "/var/spool/cron",
  "/var/spool/at*",
  "/etc/systemd",
  "/usr/lib/systemd",
  "/lib/systemd",
  "/usr/local/lib/systemd",
  "/run/systemd",
  "/var/lib/systemd",
  "/**/.ssh",
  "/etc/ssh/ssh_host_*",
  "/etc/pam.d",
  "/etc/pam.conf",
  "/etc/polkit-1",
  "/etc/doas.conf",
  "/etc/doas.d",
  "/etc/security",
  "/etc/ld.so.preload",
  "/etc/passwd*",
  "/etc/shadow*",
  "/etc/group*",
  "/etc/gshadow*",
  "/etc/ai-agent",
  "/usr/local/lib/ai-agent",
  "/usr/local/bin/ai-agent",
  "/etc/init.d/ai-agent",
  "/etc/conf.d/ai-agent",
  "/run/backend-ai-steps",
  "/proc",
  "/sys",
  "/dev",
  "/boot",
];

/** Our own unit, and the name whose drop-ins are read for ours too (systemd.unit(5), "foo-.service.d"): whoever could change it could take the agent's limits away. */
const ownUnit = /^ai-(agent(@.*)?)?\.[a-z]+$/;

/** The path with links of its parent folder followed; the path itself may be a link, or not be there. */
export type ResolvePath = (path: string) => Promise<string>;

/** Whether a verb is accepted with this input: undefined, or why not. */
export type Allow = (verb: string, input: unknown, resolve: ResolvePath) => Promise<Problem | undefined>;

/** Compiles what the agent's file says. Of several patterns that match a path the one that matches deepest decides; at the same depth DENY_PATHS, then ALLOW_PATHS, then the built-in list. */
export function allowing(allowance: Allowance): Allow & { readonly verb: (name: string) => boolean } {
  const takes = verbFilter(allowance.verbs);
  const deny = allowance.denyPaths.map(pathPattern),
    allow = allowance.allowPaths.map(pathPattern);
  const refused = [...refusedPaths, ...allowance.ownPaths].map(pathPattern);
  const judge = async (verb: string, input: unknown, resolve: ResolvePath): Promise<Problem | undefined> => {
    if (!takes(verb))
      return error("agent/verb-refused", `Unable to do ${verb}: this host's agent does not accept it`, {
        hint: "ALLOW_VERBS in its agent.env says what it accepts",
      });
    for (const use of usesOf(verb, input)) {
      const refusal = await refusePath(use, deny, allow, use.dropIn ? [] : refused, resolve);
      if (refusal !== undefined) return refusal;
    }
    const unit = unitOf(verb, input);
    if (unit !== undefined && ownUnit.test(unit)) return error("agent/own-unit", `Unable to do ${verb}: ${unit} is the agent itself`);
    return undefined;
  };
  return Object.assign(judge, { verb: takes });
}

/** Actions need a pattern that matches; probes are accepted; `!name` refuses either. */
function verbFilter(patterns: readonly string[]): (verb: string) => boolean {
  const not = patterns.filter((p) => p.startsWith("!")).map((p) => compileGlob(p.slice(1)));
  const only = patterns.filter((p) => !p.startsWith("!")).map(compileGlob);
  return (verb) => !not.some((matches) => matches(verb)) && (!verb.includes(".") || only.some((matches) => matches(verb)));
}

interface Use {
  readonly path: string;
  /** A drop-in of a unit has a verb of its own: the built-in list does not reach it, DENY_PATHS does. */
  readonly dropIn: boolean;
}

/** Paths that a verb changes, or whose text it would give away. */
function usesOf(verb: string, raw: unknown): Use[] {
  const input = raw as {
    path?: unknown;
    content?: unknown;
    values?: unknown;
    files?: readonly { path: string }[];
    unit?: string;
    dropIns?: object;
  };
  const plain = (path: string): Use => ({ path, dropIn: false });
  if (verb.startsWith("file.")) return [plain(String(input.path))];
  if (verb === "file") return input.content === true || input.values !== undefined ? [plain(String(input.path))] : [];
  if (verb === "validate") return (input.files ?? []).map((file) => plain(file.path));
  if (verb === "service.set")
    return Object.keys(input.dropIns ?? {}).map((name) => ({ path: `/etc/systemd/system/${input.unit}.d/${name}.conf`, dropIn: true }));
  return [];
}

const unitOf = (verb: string, input: unknown): string | undefined =>
  verb.startsWith("service.") ? (input as { unit?: string }).unit : undefined;

async function refusePath(
  use: Use,
  deny: readonly PathPattern[],
  allow: readonly PathPattern[],
  refused: readonly PathPattern[],
  resolve: ResolvePath,
): Promise<Problem | undefined> {
  const real = await resolve(use.path).catch((failure: unknown) =>
    error("agent/path-unreadable", `Unable to follow ${use.path}: ${reasonOf(failure)}`),
  );
  if (typeof real !== "string") return real;
  for (const path of real === use.path ? [real] : [use.path, real]) {
    const deepest = (patterns: readonly PathPattern[]) => patterns.reduce((most, pattern) => Math.max(most, pattern(path)), -1);
    const allowed = deepest(allow),
      denied = deepest(deny);
    if ((denied >= 0 && denied >= allowed) || deepest(refused) > allowed) {
      const led = path === use.path ? "" : ` (it leads to ${path})`;
      return error("agent/path-refused", `Unable to use ${use.path}${led}: this host's agent does not accept that path`, {
        hint: "ALLOW_PATHS in its agent.env can name it",
      });
    }
  }
  return undefined;
}
