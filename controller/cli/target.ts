import { readFile, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { nearest } from "../../schemas/selector/nearest.ts";
import { error, type Problem, ProblemError, warning } from "../../schemas/problem.ts";
import type { Target } from "./command.ts";
import { type Context, type Contexts, readContexts } from "./contexts.ts";
import { usage } from "./usage.ts";

/** The controller to talk to, and how. */
export interface Endpoint {
  readonly server: URL;
  readonly token?: string | undefined;
  /** Where the token is from, for a problem with it. */
  readonly tokenFrom?: string | undefined;
  readonly ca?: string | undefined;
  /** What is risky about it. */
  readonly warnings: readonly Problem[];
}

const usual = "http://127.0.0.1:3000";

/** Finds the controller: `--server`, `--context`, BACKEND_AI_SERVER, BACKEND_AI_CONTEXT, the current context, this machine's usual port. */
export async function findEndpoint(target: Target, env: NodeJS.ProcessEnv): Promise<Endpoint> {
  const contexts = await readContexts(env),
    named =
      target.context ??
      (target.server === undefined && !env["BACKEND_AI_SERVER"] ? env["BACKEND_AI_CONTEXT"] || contexts.current : undefined);
  const context = named === undefined ? undefined : contextOf(contexts, named);
  const server = serverUrl(target.server ?? context?.server ?? (env["BACKEND_AI_SERVER"] || usual));
  // A token goes nowhere but to the address that it was kept for.
  const known = [context, ...Object.values(contexts.contexts)].find(
    (one) => one !== undefined && serverUrl(one.server).origin === server.origin,
  );
  const token = env["BACKEND_AI_TOKEN"] || (known?.tokenFile === undefined ? undefined : (await readText(known.tokenFile, "token")).trim());
  const ca = known?.caFile === undefined ? undefined : await readText(known.caFile, "CA certificate");
  const warnings = [...(token ? plainText(server) : []), ...(env["BACKEND_AI_TOKEN"] ? [] : await readableByOthers(known?.tokenFile))];
  const tokenFrom = env["BACKEND_AI_TOKEN"] ? "BACKEND_AI_TOKEN" : known?.tokenFile;
  return { server, ...(token ? { token, tokenFrom } : {}), ...(ca === undefined ? {} : { ca }), warnings };
}

/** A token that travels unencrypted to another machine can be read on the way. */
function plainText({ protocol, hostname, origin }: URL): Problem[] {
  const here = hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
  if (protocol === "https:" || here) return [];
  return [
    warning("client/plain-text", `The token is sent to ${origin} unencrypted: whoever is between can read it`, {
      hint: "Put a TLS proxy in front of the controller and use https, or forward its port with ssh.",
    }),
  ];
}

async function readableByOthers(file: string | undefined): Promise<Problem[]> {
  if (file === undefined || ((await stat(file)).mode & 0o077) === 0) return [];
  return [warning("client/token-open", `Others than its owner may read the token in ${file}`, { hint: `chmod 600 ${file}` })];
}

function contextOf({ contexts }: Contexts, name: string): Context {
  const context = contexts[name];
  if (context !== undefined) return context;
  const meant = nearest(name, Object.keys(contexts));
  throw usage(`There is no context ${name}`, meant === undefined ? "`backend-ai context` lists them." : `Did you mean ${meant}?`);
}

/** The URL of a server as somebody wrote it; `https` has to be written out. */
export function serverUrl(text: string): URL {
  const url = URL.parse(/^https?:\/\//.test(text) ? text : `http://${text}`);
  if (url !== null && url.username === "" && url.password === "") return url;
  throw usage(`${JSON.stringify(text)} is not the address of a controller`, "It looks like https://controller.example:3000.");
}

async function readText(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason = code === "ENOENT" ? "there is no such file" : code === "EACCES" ? "it belongs to another user" : message;
    throw new ProblemError(
      error("context/token", `Unable to read the ${what} ${path}: ${reason}`, {
        hint:
          code === "ENOENT" && basename(path) === "admin.token"
            ? `A controller makes it when it first starts: backend-ai controller ${dirname(dirname(path))}. To use another one: --context, or BACKEND_AI_TOKEN.`
            : "Choose another controller with --context (`backend-ai context` lists them), give a token in BACKEND_AI_TOKEN, or run the command as the controller's user.",
      }),
      { cause },
    );
  }
}
