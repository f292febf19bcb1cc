import { readFileSync } from "node:fs";
import { loadIdentity } from "../runtime/identity.ts";
import { readStatus } from "../runtime/status-file.ts";
import { type Options, settings } from "./settings.ts";

/** Tells who this agent is and whether it is connected; `code` is 0 where it is, 3 where not (as systemctl status has it). */
export async function status(options: Options): Promise<{ readonly text: string; readonly code: number }> {
  const { stateDir } = await settings(options);
  const [identity, noted] = await Promise.all([loadIdentity(stateDir), readStatus(stateDir)]);
  const running = noted !== undefined && isAgent(noted.pid),
    connected = running && noted.connected;
  const shown = {
    enrolled: identity !== undefined,
    ...(identity === undefined ? {} : { agent: identity.agent, host: identity.host }),
    running,
    connected,
    ...(noted === undefined
      ? {}
      : {
          controller: noted.controller,
          since: new Date(noted.since).toISOString(),
          version: noted.version,
          ...(noted.reason === undefined || connected ? {} : { reason: noted.reason }),
        }),
  };
  const text = options.json
    ? `${JSON.stringify(shown)}\n`
    : Object.entries(shown)
        .map(([name, value]) => `${`${name}:`.padEnd(12)}${value}\n`)
        .join("");
  return { text, code: connected ? 0 : 3 };
}

/** Whether the process is there and is an agent: ids are used again. */
function isAgent(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes("run");
  } catch {
    return false;
  }
}
