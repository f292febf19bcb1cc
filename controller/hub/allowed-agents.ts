import { compileGlob } from "../../schemas/selector/glob.ts";

/** Whether a host may have an agent, by its name or the agent's id: the setting ALLOWED_AGENTS, globs parted by commas or spaces; without any, every host may. */
export function allowedAgents(setting: string | undefined): (host: string, agent: string) => boolean {
  const globs = (setting ?? "").split(/[\s,]+/).filter((glob) => glob !== "");
  if (globs.length === 0) return () => true;
  const matches = globs.map((glob) => compileGlob(glob.toLowerCase()));
  return (host, agent) => matches.some((match) => match(host) || match(agent));
}
