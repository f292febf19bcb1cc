import type { Consequence, Undo } from "../../../schemas/contract.ts";
import type { ChangeAct, Difference } from "../../../schemas/plan.ts";
import type { FileFact } from "../../../schemas/verbs/file.ts";
import { changedKeys, changesContent } from "./diff.ts";
import type { FileSpec } from "./spec.ts";

export function fileAct(spec: FileSpec, fact: FileFact): ChangeAct {
  if (spec.state === "absent") return "delete";
  return fact.type === "missing" ? "create" : "update";
}

/** Files disturb nobody by themselves: units that load them are triggered. Content is lost only where no backup is kept. */
export function fileConsequence(spec: FileSpec, fact: FileFact, differences: readonly Difference[]): Consequence {
  return spec.backups === 0 && fact.type !== "missing" && changesContent(differences) ? "data-loss" : "none";
}

export function fileUndo(spec: FileSpec, fact: FileFact): { how: Undo; note: string } {
  if (spec.backups === 0) return { how: "impossible", note: "no earlier version is kept (backups: 0)" };
  return {
    how: "possible",
    note: fact.type === "missing" ? `removes ${spec.path} again` : `puts the earlier ${spec.path} back from its backup`,
  };
}

/** Such as `write /etc/motd (+3 −1)`, `set memory_limit = 512M in /etc/php.ini`, `set mode 0600 of /etc/shadow`. */
export function describeFile(spec: FileSpec, fact: FileFact, differences: readonly Difference[]): string {
  if (spec.state === "absent") return `remove ${spec.path}`;
  const keys = changedKeys(differences),
    attributes = differences.filter(({ path }) => path === "owner" || path === "group" || path === "mode");
  const aside = attributes.map(({ path, want }) => `${path} ${String(want)}`).join(", ");
  const content = differences.find(({ path }) => path === "content");
  if (content !== undefined)
    return `${fact.type === "missing" ? "create" : "write"} ${spec.path}${count(content)}${aside === "" ? "" : `, ${aside}`}`;
  if (keys.length > 0) return `${valueWords(keys, differences)} in ${spec.path}${aside === "" ? "" : `, ${aside}`}`;
  return `set ${aside} of ${spec.path}`;
}

function count({ diff, note }: Difference): string {
  if (diff === undefined) return note?.includes("secrets") === true ? " (holds secrets)" : "";
  const lines = diff.split("\n"),
    more = lines.at(-1)?.startsWith("…") === true ? " or more" : "";
  return ` (+${lines.filter((line) => line.startsWith("+")).length} −${lines.filter((line) => line.startsWith("-")).length}${more})`;
}

function valueWords(keys: readonly string[], differences: readonly Difference[]): string {
  if (keys.length > 3) return `set ${keys.length} values`;
  return keys
    .map((key) => {
      const want = differences.find(({ path }) => path === `values.${key}`)?.want;
      return want === null
        ? `remove ${key}`
        : `set ${key} = ${typeof want === "string" && want.length > 60 ? `${want.slice(0, 60)}…` : String(want)}`;
    })
    .join(", ");
}
