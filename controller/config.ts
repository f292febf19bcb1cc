import { readFile } from "node:fs/promises";
import { isIPv4 } from "node:net";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { error, type Problem, ProblemError } from "../schemas/problem.ts";
import { readSettings } from "./core/settings.ts";
import { priceOf, type Settings } from "./core/settings-defaults.ts";

/** What a controller is started with: command line over environment over `backend-ai.yaml`. */
export interface Config {
  /** Folder of the workspace (a git repository), and where the controller keeps what must not be in git. */
  readonly workspace: string;
  readonly dataDir: string;
  /** The settings as they stand in the folder; the committed ones hold for everything that can change while it runs. */
  readonly settings: Settings;
  readonly host: string;
  readonly port: number;
  /** Absent: all addresses. */
  readonly agentsHost: string | undefined;
  readonly agentsPort: number;
  /** The address that agents are told; found out where it is absent. */
  readonly agentsUrl: string | undefined;
  readonly requireAuth: boolean;
  readonly jwtSecret: string | undefined;
  /** Globs, comma separated. */
  readonly allowedAgents: string | undefined;
  readonly anthropicKey: string | undefined;
  /** Another address of the Messages API. */
  readonly anthropicUrl: string | undefined;
  /** Absolute path of the SSH key that signs the controller's own commits. */
  readonly signingKey: string | undefined;
  readonly logLevel: string;
  readonly tls: { readonly cert: string; readonly key: string; readonly ca: string } | undefined;
  /** Folder with the agents that hosts download. */
  readonly dist: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Where `npm run build:agent` puts the agents. */
const distFolder = fileURLToPath(new URL("../dist", import.meta.url));

/** Puts the configuration together and checks it; throws a ProblemError that names every setting that is wrong. */
export async function readConfig(environment: Environment, given: Partial<Config> & { readonly workspace: string }): Promise<Config> {
  const problems: Problem[] = [];
  const workspace = resolve(given.workspace);
  const written = given.settings ?? (await settingsOf(workspace, problems)),
    settings = { ...written, model: { ...written.model, prices: { ...written.model.prices, ...pricesOf(environment, problems) } } };
  const port = (key: string, otherwise: number): number => {
    const text = environment[key];
    if (text === undefined || text === "") return otherwise;
    if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
    problems.push(error("config/port", `Unable to use ${key}=${text}: it is not a port`, { hint: "A port is a number from 0 to 65535." }));
    return otherwise;
  };
  const config: Config = {
    dataDir: resolve(environment["BACKEND_AI_DATA"] ?? dataFolder(workspace)),
    settings,
    host: environment["HOST"] ?? "127.0.0.1",
    port: port("PORT", 3000),
    agentsHost: environment["WS_HOST"],
    agentsPort: port("WS_PORT", 3001),
    agentsUrl: environment["WS_URL"],
    requireAuth: truth(environment, "REQUIRE_AUTH", true, problems),
    jwtSecret: secretOf(environment, "JWT_SECRET", 32, problems),
    allowedAgents:
      environment["ALLOWED_AGENTS"] ?? (settings.hub.allowedAgents.length > 0 ? settings.hub.allowedAgents.join(",") : undefined),
    anthropicKey: environment["ANTHROPIC_API_KEY"] || undefined,
    anthropicUrl: environment["ANTHROPIC_BASE_URL"] || undefined,
    signingKey: environment["GIT_SIGNING_KEY"] || undefined,
    logLevel: environment["LOG_LEVEL"] ?? "info",
    tls: tlsOf(environment, problems),
    dist: environment["BACKEND_AI_DIST"] ?? distFolder,
    ...given,
    workspace,
  };
  if (!settings.allowPlainText && !loopback(config.host))
    problems.push(
      error("config/plain-text", `Unable to serve the API on ${config.host} without TLS`, {
        hint: "Keep HOST at 127.0.0.1 behind a proxy that speaks TLS, or set allowPlainText: true in backend-ai.yaml.",
      }),
    );
  if (problems.length > 0) throw new ProblemError(problems);
  return Object.freeze(config);
}

/** The controller's own folder for a workspace: inside it and ignored by git, where it is a plain checkout. */
export const dataFolder = (workspace: string): string => join(workspace, ".backend-ai");

const loopback = (host: string): boolean => host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));

async function settingsOf(workspace: string, problems: Problem[]): Promise<Settings> {
  const path = "backend-ai.yaml",
    text = await readFile(join(workspace, path), "utf8").catch(() => undefined);
  const read = readSettings(text === undefined ? undefined : { path, blob: "", size: Buffer.byteLength(text), text });
  if (read.ok) return read.settings;
  problems.push(...read.problems);
  const defaults = readSettings(undefined);
  if (!defaults.ok) throw new ProblemError(defaults.problems);
  return defaults.settings;
}

function truth(environment: Environment, key: string, otherwise: boolean, problems: Problem[]): boolean {
  const text = environment[key]?.toLowerCase();
  if (text === undefined || text === "") return otherwise;
  if (["true", "yes", "1"].includes(text)) return true;
  if (["false", "no", "0"].includes(text)) return false;
  problems.push(error("config/truth", `Unable to use ${key}=${text}: it is neither true nor false`));
  return otherwise;
}

/** `MODEL_PRICES`: such as `claude-sonnet-5-5=2/10, other=1/5/1.25/2/0.1`, dollars for a million tokens: input, output, and as far as they are said cache writes (five minutes, an hour) and reads. */
function pricesOf(environment: Environment, problems: Problem[]): Settings["model"]["prices"] {
  const entries = (environment["MODEL_PRICES"] ?? "").split(",").filter((text) => text.trim() !== "");
  return Object.fromEntries(
    entries.flatMap((text) => {
      const [, name = "", list = ""] = /^\s*([a-z0-9][a-z0-9._-]{0,127})\s*=\s*(\d[\d./]*)\s*$/.exec(text) ?? [],
        [input, output, cacheWrite, cacheWriteHour, cacheRead, ...more] = list
          .split("/")
          .map((one) => (one === "" ? Number.NaN : Number(one)));
      const said = [input, output, cacheWrite, cacheWriteHour, cacheRead].filter((one) => one !== undefined);
      if (input !== undefined && output !== undefined && more.length === 0 && said.every((one) => Number.isFinite(one)))
        return [[name, priceOf(input, output, { cacheWrite, cacheWriteHour, cacheRead })]];
      problems.push(
        error("config/prices", `Unable to use MODEL_PRICES: "${text.trim()}" is not a model's price`, {
          hint: "Write MODEL=INPUT/OUTPUT in dollars for a million tokens, such as claude-sonnet-5-5=2/10, several with commas between them.",
        }),
      );
      return [];
    }),
  );
}

function secretOf(environment: Environment, key: string, least: number, problems: Problem[]): string | undefined {
  const text = environment[key];
  if (text === undefined || text === "") return undefined;
  if (Buffer.byteLength(text) >= least) return text;
  problems.push(
    error("config/secret", `Unable to use ${key}: it is shorter than ${least} bytes`, {
      hint: "Leave it out, and a good one is made; or: openssl rand -base64 32",
    }),
  );
  return undefined;
}

function tlsOf(environment: Environment, problems: Problem[]): Config["tls"] {
  const cert = environment["TLS_CERT"],
    key = environment["TLS_KEY"],
    ca = environment["TLS_CA"];
  if (cert === undefined && key === undefined && ca === undefined) return undefined;
  if (cert !== undefined && key !== undefined && ca !== undefined) return { cert, key, ca };
  problems.push(error("config/tls", "Unable to use own certificates: TLS_CERT, TLS_KEY and TLS_CA belong together"));
  return undefined;
}
