import { error, type Problem } from "../../schemas/problem.ts";

/** The parts of a workspace that mean something to us. */
export type Area = "settings" | "manifest" | "file" | "secret";

export const settingsFile = "backend-ai.yaml";

/** Which part a path (from the workspace's top) belongs to; undefined: none of our concern. */
export function areaOf(path: string): Area | undefined {
  if (path === settingsFile) return "settings";
  if (path.startsWith("files/")) return "file";
  if (path.startsWith("secrets/")) return "secret";
  return /^manifests\/.*\.ya?ml$/.test(path) ? "manifest" : undefined;
}

/** The folders and the file that areas lie in, for listing. */
export const areaRoots = [settingsFile, "manifests", "files", "secrets"] as const;

/** The problem of a path that may not be written; undefined where it may. */
export function pathProblem(path: string): Problem | undefined {
  const fault = pathFault(path);
  return fault === undefined ? undefined : error("invalid/path", `Unable to change ${JSON.stringify(path)}: ${fault}`);
}

/** Why a path may not be written to a workspace; undefined where it may. */
function pathFault(path: string): string | undefined {
  if (path === "" || Buffer.byteLength(path) > 4096) return "it is empty or too long";
  if (/[\p{Cc}\p{Zl}\p{Zp}\\]/u.test(path)) return "it holds a control character or a backslash";
  const parts = path.split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..")) return "it is not a plain path below the workspace";
  // Names that git, or a file system that knows no case, may take for git's own.
  if (parts.some((part) => /^\.?git(~1)?[ .]*$/i.test(part.normalize("NFKC")) && part.toLowerCase() !== "git"))
    return "it names git's own folder";
  if (/^\.git(attributes|modules)$/i.test(parts.at(-1) ?? "")) return "it would change how git treats the workspace";
  return undefined;
}
