import { readFileSync } from "node:fs";
import { nodeOptions, openrcScript, systemdUnit } from "./agent-unit.ts";
import type { Artifact } from "./artifacts.ts";

export { enrolCommand } from "./enrol-command.ts";

/** The text of install-agent.sh: POSIX sh, with the digests of the agents that this controller has. It holds no secret. */
export const installScript = (artifacts: readonly Artifact[]): string =>
  template()
    .replace("@DIGESTS@", () => artifacts.map(({ name, sha256 }) => `    ${name}) echo ${sha256} ;;\n`).join(""))
    .replace("@NODE_OPTIONS@", () => nodeOptions.join(" "))
    .replace("@SYSTEMD_UNIT@", () => systemdUnit.trimEnd())
    .replace("@OPENRC_SCRIPT@", () => openrcScript.trimEnd());

let read: string | undefined;
/** install-agent.sh with places for what is put in; read when it is first asked for. */
const template = (): string => (read ??= readFileSync(new URL("install-agent.sh", import.meta.url), "utf8"));
