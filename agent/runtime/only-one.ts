import { once } from "node:events";
import { createServer } from "node:net";
import { error, ProblemError } from "../../schemas/problem.ts";

/**
 * Makes sure that one process at a time uses a state folder: an abstract socket (unix(7)) that the kernel takes away with its
 * process, so that a crash leaves nothing behind. Throws where another process has it.
 */
export async function onlyOne(stateDir: string): Promise<void> {
  const server = createServer((socket) => socket.destroy());
  server.unref();
  server.listen({ path: `\0ai-agent ${stateDir}` });
  try {
    await once(server, "listening");
  } catch {
    throw new ProblemError(
      error("agent/running", `Unable to start: another agent already uses ${stateDir}`, { hint: "systemctl status ai-agent" }),
    );
  }
}
