import { actions, probes } from "../../schemas/verbs/index.ts";
import { error, type Problem } from "../../schemas/problem.ts";
import { compileGlob } from "../../schemas/selector/glob.ts";
import { nearest } from "../../schemas/selector/nearest.ts";
import type { Allowance } from "./allow.ts";
import { logLevels, type LogLevel } from "./log.ts";

/** What an agent is told by its own file and environment; nothing the controller says changes it. */
export interface AgentConfig {
  /** Base addresses of controllers, tried in turn, such as https://controller.example:3001. */
  readonly controllers: readonly string[];
  readonly stateDir: string;
  readonly name: string | undefined;
  readonly allowance: Allowance;
  readonly logLevel: LogLevel;
}

export const configFile = "/etc/ai-agent/agent.env";

const keys = [
  "CONTROLLER_URL",
  "STATE_DIR",
  "AGENT_NAME",
  "ALLOW_VERBS",
  "ALLOW_PATHS",
  "DENY_PATHS",
  "ALLOW_PLAINTEXT",
  "LOG_LEVEL",
] as const;
type Key = (typeof keys)[number];
type Found = { readonly [K in Key]?: { readonly value: string; readonly where: { file: string; line?: number } } };

/** Reads the text of agent.env (absent: the file is not there) with the environment over it; every problem is reported at once. */
export function readConfig(
  text: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  file: string,
): AgentConfig | readonly Problem[] {
  const problems: Problem[] = [];
  const found = valuesOf(text ?? "", environment, file, problems);
  const say = (key: Key, summary: string, hint?: string) =>
    void problems.push(error("agent/config", summary, { ...(hint === undefined ? {} : { hint }), where: found[key]?.where ?? { file } }));
  const list = (key: Key): string[] =>
    (found[key]?.value ?? "")
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "");
  const stateDir = found.STATE_DIR?.value ?? "/var/lib/ai-agent";
  if (!stateDir.startsWith("/")) say("STATE_DIR", `Unable to use STATE_DIR ${stateDir}: it is not an absolute path`);
  for (const key of ["ALLOW_PATHS", "DENY_PATHS"] as const)
    for (const path of list(key)) if (!path.startsWith("/")) say(key, `Unable to use ${key} ${path}: it is not an absolute path`);
  const config: AgentConfig = {
    controllers: controllersOf(list("CONTROLLER_URL"), found.ALLOW_PLAINTEXT?.value === "yes", say),
    stateDir,
    name: nameOf(found.AGENT_NAME?.value, say),
    allowance: {
      verbs: verbsOf(found.ALLOW_VERBS?.value, list("ALLOW_VERBS"), say),
      allowPaths: list("ALLOW_PATHS"),
      denyPaths: list("DENY_PATHS"),
      ownPaths: [stateDir],
    },
    logLevel: levelOf(found.LOG_LEVEL?.value ?? "info", say),
  };
  return problems.length > 0 ? problems : Object.freeze(config);
}

type Say = (key: Key, summary: string, hint?: string) => void;

function valuesOf(text: string, environment: Readonly<Record<string, string | undefined>>, file: string, problems: Problem[]): Found {
  const found: { [K in Key]?: { value: string; where: { file: string; line?: number } } } = {};
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
    const [, key, value] = /^(?:export\s+)?([A-Z][A-Z0-9_]*)\s*=\s*(.*)$/.exec(line) ?? [];
    const where = { file, line: index + 1 };
    if (key === undefined || value === undefined)
      problems.push(error("agent/config", "Unable to read the line: it is not KEY=VALUE", { where }));
    else if (!isKey(key))
      problems.push(
        error("agent/config", `Unable to use ${key}: there is no such setting`, { where, hint: `Known are ${keys.join(", ")}` }),
      );
    else found[key] = { value: unquoted(value), where };
  }
  for (const key of keys) {
    const value = environment[key];
    if (value !== undefined) found[key] = { value, where: { file: "environment" } };
  }
  return found;
}

const isKey = (text: string): text is Key => (keys as readonly string[]).includes(text);
const unquoted = (text: string): string => /^"(.*)"$/.exec(text)?.[1] ?? /^'(.*)'$/.exec(text)?.[1] ?? text;

const loopback = /^(localhost|127(\.\d+){3}|\[::1\])$/;

function controllersOf(list: readonly string[], plaintext: boolean, say: Say): string[] {
  if (list.length === 0)
    say("CONTROLLER_URL", "Unable to find the controller: CONTROLLER_URL is not set", "CONTROLLER_URL=https://controller.example:3001");
  const good: string[] = [];
  for (const text of list) {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "")
      say(
        "CONTROLLER_URL",
        `Unable to use CONTROLLER_URL ${text}: it is not an https address`,
        "CONTROLLER_URL=https://controller.example:3001",
      );
    else if (url.protocol === "http:" && !plaintext && !loopback.test(url.hostname))
      say(
        "CONTROLLER_URL",
        `Unable to use CONTROLLER_URL ${text}: without TLS anybody in between could read and change what is said`,
        "use https, or set ALLOW_PLAINTEXT=yes",
      );
    else good.push(url.href.replace(/\/+$/, ""));
  }
  return good;
}

function nameOf(name: string | undefined, say: Say): string | undefined {
  if (name === undefined || name === "") return undefined;
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name))
    say("AGENT_NAME", `Unable to use AGENT_NAME ${name}: a name has lower case letters, digits and hyphens, at most 63`);
  return name;
}

const verbNames: readonly string[] = [...Object.keys(actions), ...Object.keys(probes)];

/** Not set: every verb. Empty or `none`: no action. */
function verbsOf(text: string | undefined, list: readonly string[], say: Say): readonly string[] {
  if (text === undefined) return ["*"];
  if (text.trim() === "none") return [];
  for (const pattern of list) {
    const bare = pattern.replace(/^!/, "");
    if (verbNames.some(compileGlob(bare))) continue;
    const close = nearest(bare, verbNames);
    say(
      "ALLOW_VERBS",
      `Unable to use ALLOW_VERBS ${pattern}: no verb has that name`,
      close === undefined ? `Known are ${verbNames.join(", ")}` : `did you mean ${close}?`,
    );
  }
  return list.some((pattern) => !pattern.startsWith("!")) || list.length === 0 ? list : ["*", ...list];
}

function levelOf(text: string, say: Say): LogLevel {
  const level = logLevels.find((known) => known === text);
  if (level === undefined) say("LOG_LEVEL", `Unable to use LOG_LEVEL ${text}: it is one of ${logLevels.join(", ")}`);
  return level ?? "info";
}
