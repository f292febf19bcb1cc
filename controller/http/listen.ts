import type { FastifyInstance } from "fastify";
import { error, type Problem, ProblemError } from "../../schemas/problem.ts";

/** Opens the API's port; resolves to the port (for 0, the one it was given). Rejects with `listen/…` where it cannot be opened. */
export async function listen(app: FastifyInstance, at: { readonly host: string; readonly port: number }): Promise<number> {
  try {
    await app.listen({ host: at.host, port: at.port });
  } catch (cause) {
    throw new ProblemError(listenProblem(cause, at), { cause });
  }
  const address = app.server.address();
  return typeof address === "object" && address !== null ? address.port : at.port;
}

/** Why a port could not be opened, in words; an error of another sort is thrown on. */
export function listenProblem(cause: unknown, { host, port }: { readonly host: string; readonly port: number }, setting = "PORT"): Problem {
  const code = (cause as NodeJS.ErrnoException).code;
  const unable = `Unable to listen on ${host}:${port}`;
  if (code === "EADDRINUSE")
    return error("listen/in-use", `${unable}: another program uses this port`, {
      hint: `Stop it (\`ss -ltnp 'sport = :${port}'\` shows it), or set ${setting} to another port.`,
    });
  if (code === "EACCES")
    return error("listen/not-allowed", `${unable}: ports below 1024 need a privilege that this process does not have`, {
      hint: `Set ${setting} to a port above 1023.`,
    });
  if (code === "EADDRNOTAVAIL")
    return error("listen/no-address", `${unable}: this machine has no such address`, {
      hint: "Set the API's address to one of this machine's, or to 127.0.0.1.",
    });
  throw cause;
}
