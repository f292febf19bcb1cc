import { basename, join, resolve } from "node:path";
import { error, ProblemError } from "../../../schemas/problem.ts";
import { command } from "../command.ts";
import { useContext } from "../contexts.ts";
import { exit } from "../exit.ts";

/** A workspace to begin with. */
export const init = command({
  name: "init",
  summary: "a workspace with example manifests, keys and settings; needs no controller",
  arguments: [["[dir]", "the folder, which is made; this one without it"]],
  example: "backend-ai init infra && backend-ai controller infra",
  async run(cli, [given = "."]) {
    const [{ initWorkspace }, { initKeys }, { ageIdentity }, { dataFolder }, { dataFiles }, { mkdir }] = await Promise.all([
      import("../../repo/init.ts"),
      import("../../hub/keys.ts"),
      import("../../repo/identity.ts"),
      import("../../config.ts"),
      import("../../main.ts"),
      import("node:fs/promises"),
    ]);
    const dir = resolve(cli.cwd, given),
      made = await initWorkspace(dir, { at: cli.now() }).catch((cause: unknown) => unmakeable(dir, cause)),
      data = resolve(cli.env["BACKEND_AI_DATA"] ?? dataFolder(made.dir));
    await mkdir(data, { recursive: true, mode: 0o700 });
    await initKeys(join(data, dataFiles.keys), cli.now());
    const { recipient } = await ageIdentity(join(data, dataFiles.age));
    await useContext(cli.env, basename(made.dir), {
      server: `http://127.0.0.1:${cli.env["PORT"] || 3000}`,
      tokenFile: join(data, dataFiles.token),
    });
    for (const path of made.made) cli.terminal.data(path);
    cli.terminal.say(
      [
        `A workspace in ${made.dir}, on the branch ${made.branch}.`,
        `Keys are in ${data}: keep a copy in a safe place. Secrets are encrypted for ${recipient}.`,
        "",
        "Next (in a checkout: npx backend-ai …):",
        `  backend-ai controller ${given}     # in another terminal, or as a service`,
        "  backend-ai enrol     # prints the command that installs an agent on a host",
        `  backend-ai validate ${given}     # after you have edited manifests/`,
      ].join("\n"),
    );
    return exit.good;
  },
});

/** What the file system said, in words; anything else is thrown on. */
function unmakeable(dir: string, cause: unknown): never {
  const reasons: Record<string, string> = {
    EACCES: "permission denied",
    EROFS: "the file system is read-only",
    ENOTDIR: "a part of the path is a file",
    EEXIST: "it is a file",
    ENOSPC: "the disk is full",
  };
  const reason = reasons[(cause as NodeJS.ErrnoException).code ?? ""];
  if (reason === undefined) throw cause;
  throw new ProblemError(error("init/unwritable", `Unable to make a workspace in ${dir}: ${reason}`), { cause });
}
