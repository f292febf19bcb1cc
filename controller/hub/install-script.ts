import { readFileSync } from "node:fs";
import { nodeOptions, openrcScript, systemdUnit } from "./agent-unit.ts";
import type { Artifact } from "./artifacts.ts";

export { enrolCommand } from "./enrol-command.ts";

/** The text of install-agent.sh: POSIX sh, with the digests of the agents that this controller has. It holds no secret. */
export const installScript = (artifacts: readonly Artifact[]): string =>
  read("install-agent.sh")
    .replace("@DIGESTS@", () => artifacts.map(({ name, sha256 }) => `    ${name}) echo ${sha256} ;;\n`).join(""))
    .replace("@NODE_OPTIONS@", () => nodeOptions.join(" "))
    .replace("@START@", () => read("agent-start.sh").trimEnd())
    .replace("@SYSTEMD_UNIT@", () => systemdUnit.trimEnd())
    .replace("@OPENRC_SCRIPT@", () => openrcScript.trimEnd());

const texts = new Map<string, string>();
/** A script of this folder, read when it is first asked for: install-agent.sh with places for what is put in, agent-start.sh. */
function read(name: "install-agent.sh" | "agent-start.sh"): string {
  const text = texts.get(name) ?? readFileSync(new URL(name, import.meta.url), "utf8");
  texts.set(name, text);
  return text;
}
