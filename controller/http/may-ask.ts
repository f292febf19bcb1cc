import type { ResourceView } from "../../schemas/api.ts";
import { error, ProblemError } from "../../schemas/problem.ts";
import type { Caller } from "../loop/controller.ts";
import { showsText } from "../loop/shown-text.ts";
import { permits } from "./access.ts";

/** Probes that do more than look: they load what the caller sends into programs of the host, or make the host talk to others. */
const reaching = new Set(["health", "validate"]);

/**
 * Refuses questions to hosts that go beyond what operators may look at (`forbidden/query`): they read texts of files only where a manifest
 * shows them anyway, and do not use a host as a tool. An approver may: who approves could have it declared.
 */
export function mayAsk(caller: Caller, host: string, probe: string, input: unknown, files: () => readonly ResourceView[]): void {
  if (permits(caller.role, "approver")) return;
  if (reaching.has(probe)) throw refused(caller, `ask the probe ${probe}`);
  const looked = (typeof input === "object" && input !== null ? input : {}) as Look;
  if (probe !== "file" || (looked.values === undefined && (looked.content ?? false) === false)) return;
  if (!files().some((file) => file.kind === "File" && shows(file, host, looked)))
    throw refused(caller, `read ${String(looked.path)}, which no manifest shows on ${host}`);
}

/** Refuses an import that reads texts of files (`forbidden/query`) to who may not read them. */
export function mayImport(caller: Caller, files: readonly string[]): void {
  if (files.length > 0 && !permits(caller.role, "approver")) throw refused(caller, "import files");
}

const refused = (caller: Caller, what: string): ProblemError =>
  new ProblemError(
    error("forbidden/query", `Unable to let ${caller.name} ${what}: it needs the role approver, and ${caller.name} is ${caller.role}`, {
      hint: "Operators read texts of files that a manifest in force declares, where it holds no secret.",
    }),
  );

/** A question of the probe `file`, before anybody checked its form. */
interface Look {
  readonly path?: unknown;
  readonly content?: unknown;
  readonly values?: { readonly keys?: unknown } | undefined;
}

/** Whether a File in force shows what is looked at: its whole text, or these values of it, and nothing secret. */
function shows({ manifest, instances }: ResourceView, host: string, { path, content, values }: Look): boolean {
  const { spec = {} } = manifest as { readonly spec?: Readonly<Record<string, unknown>> };
  if (spec["path"] !== path || !instances.some((one) => one.host === host)) return false;
  const keys = values?.keys;
  return showsText(spec, (content ?? false) === false && Array.isArray(keys) ? keys.map(String) : undefined);
}
