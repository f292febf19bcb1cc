import { once } from "node:events";
import { chmod, rename, rm } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { error, ProblemError } from "../../schemas/problem.ts";

/** A server that nobody refers to may be closed by Bun's garbage collection. */
const held = new Set<Server>();

/**
 * Makes sure that one process at a time uses a state folder: whoever answers on the socket in it is alive. In that folder, which
 * is root's alone, and not an abstract socket, whose name any user could take. What a crash leaves there answers nobody, and is
 * replaced. Throws where another process has it; answers what lets go of it.
 */
export async function onlyOne(stateDir: string): Promise<() => void> {
  const path = join(stateDir, "agent.sock");
  // A long path does not fit into the address of a socket (unix(7)); Bun cuts it without a word.
  if (Buffer.byteLength(path) > 107) throw new ProblemError(error("agent/config", `Unable to use STATE_DIR ${stateDir}: it is too long`));
  if (await answers(path)) throw running(stateDir);
  // Two that start at the same moment both find it dead: a rename takes it away from one of them, and what is alive is put back.
  const aside = `${path}.${process.pid}`;
  await rename(path, aside).catch(() => undefined);
  if (await answers(aside)) {
    await rename(aside, path);
    throw running(stateDir);
  }
  await rm(aside, { force: true });
  const server = createServer((socket) => socket.destroy());
  server.unref();
  server.listen(path);
  try {
    await once(server, "listening");
  } catch {
    throw running(stateDir);
  }
  await chmod(path, 0o600);
  held.add(server);
  return () => {
    held.delete(server);
    server.close();
  };
}

const running = (stateDir: string): ProblemError =>
  new ProblemError(error("agent/running", `Unable to start: another agent already uses ${stateDir}`, { hint: "see: ai-agent status" }));

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (alive: boolean): void => {
      socket.destroy();
      resolve(alive);
    };
    socket.once("connect", () => end(true));
    // Bun tells a connection that was closed at once as a reset one: whoever did that is alive.
    socket.once("error", ({ code }: NodeJS.ErrnoException) => end(!["ECONNREFUSED", "ENOENT", "ENOTSOCK"].includes(code ?? "")));
  });
}
