import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { error, type Problem, ProblemError } from "../../../schemas/problem.ts";
import { worktreeContext } from "../check-context.ts";
import { type Cli, command, json } from "../command.ts";
import { exit } from "../exit.ts";
import { usage } from "../usage.ts";
import { type LineOf, problemView } from "../views/problem.ts";
import { count } from "../views/hosts-text.ts";

/** Problems in manifests, with no controller. */
export const validate = command<{ readonly json?: boolean }>({
  name: "validate",
  summary: "problems in manifests, committed or not; needs no controller",
  arguments: [["[path...]", "a workspace, or files and folders of one; the one around this folder without it"]],
  options: [json],
  example: "backend-ai validate manifests/web.yaml",
  async run(cli, paths, options) {
    const asked = (paths.length === 0 ? ["."] : paths).map((path) => existing(resolve(cli.cwd, path), path));
    const roots = [...new Set(asked.map(workspaceOf))];
    for (const root of roots) if (!isWorkspace(root)) throw noWorkspace(root);
    const found: { readonly root: string; readonly problem: Problem }[] = [];
    let resources = 0;
    for (const root of roots) {
      const { problems, count: here } = await problemsIn(root),
        wanted = asked.filter((path) => workspaceOf(path) === root).map((path) => relative(root, path));
      resources += here;
      for (const problem of problems) if (wanted.some((path) => isBelow(problem.where?.file, path))) found.push({ root, problem });
    }
    const errors = found.filter(({ problem }) => problem.severity === "error").length;
    if (options.json === true) cli.terminal.json(found.map(({ problem }) => problem));
    else show(cli, found, errors, resources);
    return errors > 0 ? exit.error : exit.good;
  },
});

function show(cli: Cli, found: readonly { readonly root: string; readonly problem: Problem }[], errors: number, resources: number): void {
  for (const { root, problem } of found) {
    const file = problem.where?.file,
      lineOf = linesOf(root);
    const here = file === undefined ? problem : { ...problem, where: { ...problem.where, file: relative(cli.cwd, join(root, file)) } };
    cli.terminal.show(
      (one: Problem, paint) => problemView(one, paint, (_, line) => (file === undefined ? undefined : lineOf(file, line))),
      here,
    );
  }
  const warnings = found.length - errors;
  cli.terminal.say(`${count(resources, "resource")}: ${count(errors, "error")}, ${count(warnings, "warning")}.`);
}

/** The loader's problems of a whole workspace: references cross files. */
async function problemsIn(root: string): Promise<{ readonly problems: readonly Problem[]; readonly count: number }> {
  const [{ readWorktree }, { loadManifests }, { readSettings }, { kinds }] = await Promise.all([
    import("../../repo/read-worktree.ts"),
    import("../../core/manifests.ts"),
    import("../../core/settings.ts"),
    import("../../kinds/index.ts"),
  ]);
  const { files, problems } = await readWorktree(root),
    loaded = loadManifests(files, kinds, worktreeContext(files));
  const settings = readSettings(files.find(({ path }) => path === "backend-ai.yaml"));
  return { problems: [...problems, ...(settings.ok ? [] : settings.problems), ...loaded.problems], count: loaded.resources.length };
}

function existing(path: string, given: string): string {
  if (existsSync(path)) return realpathSync(path);
  throw usage(`Unable to validate ${given}: there is no such file or folder`);
}

/** The workspace that a path is in: the nearest folder above with a backend-ai.yaml, else a folder itself, else the folder that holds `manifests/`. */
function workspaceOf(path: string): string {
  const start = statSync(path).isDirectory() ? path : dirname(path);
  for (let dir = start; ; dir = dirname(dir)) {
    if (existsSync(join(dir, "backend-ai.yaml"))) return dir;
    if (dir === dirname(dir)) break;
  }
  const parts = start.split("/"),
    at = parts.lastIndexOf("manifests");
  return at > 0 ? parts.slice(0, at).join("/") : start;
}

/** What a workspace has at least: its settings, or a folder of manifests. */
const isWorkspace = (root: string): boolean => ["backend-ai.yaml", "manifests"].some((name) => existsSync(join(root, name)));

const noWorkspace = (root: string): ProblemError =>
  new ProblemError(
    error(
      "validate/no-workspace",
      `Unable to validate ${root}: it is no workspace, nor in one: there is no backend-ai.yaml and no folder manifests/`,
      {
        hint: "Name the workspace (backend-ai validate ~/infrastructure), or make one: backend-ai init DIR.",
      },
    ),
  );

/** Whether a problem belongs to what was asked for; one of the workspace as a whole always does. */
function isBelow(file: string | undefined, path: string): boolean {
  if (file === undefined || path === "") return true;
  const inside = relative(path, file);
  return inside === "" || (!inside.startsWith("..") && !isAbsolute(inside));
}

const linesOf = (root: string): LineOf => {
  const texts = new Map<string, string[]>();
  return (file, line) => {
    try {
      const lines = texts.get(file) ?? readFileSync(join(root, file), "utf8").split("\n");
      texts.set(file, lines);
      return lines[line - 1];
    } catch {
      return undefined;
    }
  };
};
