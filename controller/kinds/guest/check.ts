import type { Finding } from "../define.ts";
import type { GuestKindSpec } from "./kind.ts";

/** Contradictions that a schema cannot see, of containers and virtual machines alike. */
export function checkGuest(kind: string, spec: GuestKindSpec): Finding[] {
  return [...placeFindings(spec), ...powerFindings(spec), ...timeFindings(spec), ...sourceFindings(kind, spec), ...textFindings(spec)];
}

/** A finding that two fields say opposite things. */
export const contradiction = (path: string, summary: string, hint: string): Finding => ({
  path,
  code: "manifest/contradiction",
  summary,
  hint,
});

const placeFindings = ({ node, placement }: GuestKindSpec): Finding[] =>
  node === undefined || placement?.anyOf === undefined || placement.anyOf.includes(node)
    ? []
    : [contradiction("node", `node ${node} is not one of placement.anyOf`, "Say one of the two, or name the node in both.")];

function powerFindings({ power, restartedAt, ha, template }: GuestKindSpec): Finding[] {
  const found: Finding[] = [];
  if (power === "stopped" && restartedAt !== undefined)
    found.push(contradiction("restartedAt", "A stopped guest cannot be restarted", "Remove restartedAt, or say power: running."));
  if (power === "running" && template === true) found.push(contradiction("power", "A template cannot run", "Remove power, or template."));
  const asked = ha?.state;
  if (asked !== undefined && asked !== "ignored" && power !== undefined && (asked === "started") !== (power === "running"))
    found.push(
      contradiction(
        "power",
        `power: ${power} and ha.state: ${asked} say opposite things`,
        "Under HA the state of ha decides: say the same in both.",
      ),
    );
  return found;
}

function timeFindings({ restartedAt, rollback, snapshots }: GuestKindSpec): Finding[] {
  const found = Object.entries({ restartedAt, "rollback.at": rollback?.at }).flatMap(([path, time]) =>
    time === undefined || !Number.isNaN(Date.parse(time))
      ? []
      : [{ path, code: "manifest/bad-time", summary: `"${time}" is not a moment that exists`, hint: "Write it as 2026-11-20T10:00:00Z." }],
  );
  if (rollback === undefined || snapshots?.[rollback.to] !== null) return found;
  return [...found, contradiction("rollback.to", `Snapshot ${rollback.to} is to be removed`, "Keep it, or roll back to another.")];
}

function sourceFindings(kind: string, { source }: GuestKindSpec): Finding[] {
  if (source === undefined || !("clone" in source)) return [];
  const found: Finding[] = [];
  if (typeof source.clone === "string" && !source.clone.startsWith(`${kind}/`))
    found.push(contradiction("source.clone", `A ${kind} cannot be cloned from ${source.clone}`, `Name a ${kind}, or its number.`));
  if (source.full === false && source.storage !== undefined)
    found.push(contradiction("source.storage", "A linked clone lies where its template does", "Remove storage, or say full: true."));
  return found;
}

const textFindings = ({ description }: GuestKindSpec): Finding[] =>
  description !== undefined && /^backend-ai: /m.test(description)
    ? [
        {
          path: "description",
          code: "manifest/reserved",
          summary: 'A line that begins with "backend-ai: " is how guests are marked as made by Backend AI',
          hint: "Write that line in another way.",
        },
      ]
    : [];
