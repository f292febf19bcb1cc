import { mkdir, readFile } from "node:fs/promises";
import { error, ProblemError } from "../../schemas/problem.ts";
import { enrol as enrolAt } from "../runtime/enrol.ts";
import { loadIdentity } from "../runtime/identity.ts";
import { reasonOf } from "../runtime/log.ts";
import { readMachine } from "../runtime/machine.ts";
import { type Options, settings } from "./settings.ts";

/** Enrols this machine by the join token on standard input; answers what to tell. */
export async function enrol(options: Options, version: string): Promise<string> {
  const config = await settings(options),
    { stateDir } = config;
  const known = options.again ? undefined : await loadIdentity(stateDir);
  if (known !== undefined)
    throw new ProblemError(
      error("agent/enrolled", `Unable to enrol: this machine is enrolled as ${known.host}`, { hint: "--again replaces its identity" }),
    );
  const ca =
    options.ca === undefined
      ? undefined
      : await readFile(options.ca, "utf8").catch((failure: unknown) => fail(`Unable to read ${options.ca}: ${reasonOf(failure)}`));
  const token = (await standardInput()).trim();
  if (token === "") fail("Unable to enrol: no join token came on standard input", "printf '%s' \"$TOKEN\" | ai-agent enrol --ca ca.pem");
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const identity = await enrolAt({
    controllers: config.controllers,
    stateDir,
    token,
    ca,
    name: config.name,
    machine: readMachine(),
    version,
  });
  return `Enrolled as ${identity.host} (${identity.agent}) at controller ${identity.controller}.\n`;
}

const fail = (summary: string, hint?: string): never => {
  throw new ProblemError(error("agent/enrol", summary, hint === undefined ? {} : { hint }));
};

async function standardInput(): Promise<string> {
  let text = "";
  for await (const part of process.stdin) {
    text += String(part);
    if (text.length > 4096) fail("Unable to enrol: what came on standard input is no join token");
  }
  return text;
}
