import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { error, ProblemError } from "../../schemas/problem.ts";
import { type AgentConfig, configFile, readConfig } from "../runtime/config.ts";
import { reasonOf } from "../runtime/log.ts";

/** Options that the sub-commands of the agent know. */
export interface Options {
  readonly config: string;
  readonly ca: string | undefined;
  readonly again: boolean;
  readonly json: boolean;
  readonly yes: boolean;
  readonly keepState: boolean;
}

/** Reads the options after the sub-command. */
export function readOptions(args: readonly string[]): Options {
  const options = {
    config: { type: "string" },
    ca: { type: "string" },
    again: { type: "boolean" },
    json: { type: "boolean" },
    yes: { type: "boolean" },
    "keep-state": { type: "boolean" },
  } as const;
  try {
    const { values } = parseArgs({ args: [...args], options, strict: true, allowPositionals: false });
    return {
      config: values.config ?? configFile,
      ca: values.ca,
      again: values.again === true,
      json: values.json === true,
      yes: values.yes === true,
      keepState: values["keep-state"] === true,
    };
  } catch (failure) {
    throw new ProblemError(error("usage", reasonOf(failure), { hint: "ai-agent help" }), { cause: failure });
  }
}

/** Reads agent.env, with the environment over it; throws every problem at once. */
export async function settings(options: Options): Promise<AgentConfig> {
  const text = await readFile(options.config, "utf8").catch((failure: NodeJS.ErrnoException) => {
    if (failure.code === "ENOENT") return undefined;
    throw new ProblemError(error("agent/config", `Unable to read ${options.config}: ${reasonOf(failure)}`), { cause: failure });
  });
  const config = readConfig(text, process.env, options.config);
  if ("controllers" in config) return config;
  throw new ProblemError(config);
}
