import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { error, ProblemError } from "../../schemas/problem.ts";
import { runProgram } from "../platform/program.ts";
import type { Options } from "./settings.ts";
import { settings } from "./settings.ts";

const installed = ["/usr/local/bin/ai-agent", "/usr/local/lib/ai-agent", "/run/backend-ai-steps"];
const settingsFolder = "/etc/ai-agent",
  usualState = "/var/lib/ai-agent";
const units = [
  "/etc/systemd/system/ai-agent.service",
  "/etc/systemd/system/ai-agent.service.d",
  "/etc/init.d/ai-agent",
  "/etc/conf.d/ai-agent",
];

/** Takes the agent off this machine: its service, program, configuration and state. What it set on the host stays as it is. */
export async function uninstall(options: Options): Promise<string> {
  if (process.getuid?.() !== 0)
    throw new ProblemError(error("agent/uninstall", "Unable to uninstall: only root can", { hint: "sudo ai-agent uninstall --yes" }));
  if (!options.yes)
    throw new ProblemError(
      error("agent/uninstall", "Unable to uninstall without a yes: the identity of this agent and its backups of files would be removed", {
        hint: "ai-agent uninstall --yes [--keep-state]",
      }),
    );
  const stateDir = await settings(options).then(
    (config) => config.stateDir,
    () => usualState,
  );
  await stopService();
  const kept = options.keepState ? [] : [settingsFolder, usualState];
  for (const path of [...units, ...installed, ...kept]) await rm(path, { recursive: true, force: true });
  if (existsSync("/run/systemd/system")) await runProgram(["systemctl", "daemon-reload"], { timeoutMs: 30_000 });
  // A folder that a setting names is not removed on its word: it may hold anything.
  const stays = options.keepState || stateDir !== usualState ? ` Its state stays in ${stateDir}.` : "";
  return `The agent was removed.${stays} What it had set on this host stays as it is; on the controller, revoke it.\n`;
}

async function stopService(): Promise<void> {
  const systemd = existsSync("/run/systemd/system"),
    openrc = existsSync("/run/openrc");
  const commands = systemd
    ? [["systemctl", "disable", "--now", "ai-agent.service"]]
    : openrc
      ? [
          ["rc-service", "ai-agent", "stop"],
          ["rc-update", "del", "ai-agent"],
        ]
      : [];
  // A service that is not there any more needs no stopping.
  for (const argv of commands) await runProgram(argv, { timeoutMs: 60_000 });
}
