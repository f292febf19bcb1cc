import type { Change, ChangeAct, Difference } from "../../../schemas/plan.ts";
import type { HealthCheck } from "../../../schemas/verbs/health.ts";
import type { Paint } from "../paint.ts";
import { diffView } from "./diff.ts";
import { count, hostsText } from "./hosts-text.ts";
import { type ChangeGroup, resourcesOf, validatorsOf } from "./plan-groups.ts";
import { durationText } from "./time.ts";
import { valueText } from "./value.ts";

const signs: Readonly<Record<ChangeAct, readonly [sign: string, style: "good" | "change" | "bad" | "info"]>> = {
  create: ["+", "good"],
  update: ["~", "change"],
  delete: ["-", "bad"],
  start: [">", "good"],
  stop: ["x", "bad"],
  restart: ["↻", "info"],
  reload: ["↻", "info"],
  upgrade: ["↑", "info"],
};

const causes = { manifest: "", drift: ", which drifted", orphan: ", which left the manifests" } as const;

/** Changes that are the same on several hosts: what, where, field by field, and what it means. */
export function changeView(group: ChangeGroup, paint: Paint): string {
  const { first } = group,
    [sign, style] = signs[first.act];
  const lines = [
    `${paint(style, sign)} ${paint("bold", first.resource)} on ${hostsText(group.hosts)}: ${first.act}${causes[first.cause]}`,
    `    ${group.hosts.length === 1 ? first.summary : first.summary.replaceAll(first.host, "each")}`,
    ...differencesView(first.differences, paint, "    "),
    ...notesOf(group, paint).map(([name, text]) => `    ${paint("dim", `${name}:`)} ${text}`),
  ];
  return lines.join("\n");
}

/** Differences field by field: `observed -> wanted`, or a diff of texts. */
export function differencesView(differences: readonly Difference[], paint: Paint, margin: string): string[] {
  const width = Math.max(0, ...differences.filter((one) => one.diff === undefined).map(({ path }) => path.length)) + 2;
  return differences.flatMap(({ path, want, have, diff, note }) => {
    const remark = note === undefined ? "" : paint("dim", `  (${note})`);
    if (diff !== undefined) return [`${margin}${path}:${remark}`, ...diffView(diff, paint, `${margin}    `)];
    return [`${margin}${path.padEnd(width)}${paint("bad", valueText(have))} -> ${paint("good", valueText(want))}${remark}`];
  });
}

function notesOf(group: ChangeGroup, paint: Paint): [name: string, text: string][] {
  const { first } = group,
    { consequence, risk, reasons, undo, rollout } = first,
    notes: [string, string][] = [];
  const before = resourcesOf(first),
    validators = validatorsOf(first);
  if (before.length > 0) notes.push(["after", before.join(", ")]);
  if (validators.length > 0) notes.push(["checked before it goes live by", validators.join(", ")]);
  if (rollout !== undefined) notes.push(["rollout", rolloutText(group.changes, rollout)]);
  if (first.health.length > 0) notes.push(["healthy when", first.health.map(healthText).join(" and ")]);
  if (first.health.length > 0 || rollout !== undefined)
    notes.push(["on failure", first.onFailure === "rollback" ? "takes it back and stops" : "stops there"]);
  notes.push([
    "consequence",
    consequence === "none" ? "none: nothing that runs is touched" : paint(consequence === "reload" ? "info" : "change", consequence),
  ]);
  notes.push([
    "risk",
    `${paint(risk === "low" ? "good" : risk === "medium" ? "change" : "bad", risk)}${reasons.length === 0 ? "" : ` (${reasons.join("; ")})`}`,
  ]);
  notes.push([
    "undo",
    undo.how === "impossible" ? `${paint("bad", "cannot be undone")}${undo.note === "" ? "" : `: ${undo.note}`}` : undo.note || undo.how,
  ]);
  return notes;
}

function rolloutText(changes: readonly Change[], { maxUnavailable, pauseMs }: NonNullable<Change["rollout"]>): string {
  const batches = new Map<number, string[]>();
  for (const { host, rollout } of changes) batches.set(rollout?.batch ?? 0, [...(batches.get(rollout?.batch ?? 0) ?? []), host]);
  const ordered = [...batches].sort(([a], [b]) => a - b).map(([, hosts]) => hosts.join(" + "));
  const which = ordered.length > 1 && ordered.length <= 12 ? `: ${ordered.join(", then ")}` : "";
  return `${count(ordered.length, "batch", "batches")}, at most ${count(maxUnavailable, "host")} down at a time${pauseMs > 0 ? `, ${durationText(pauseMs)} between` : ""}${which}`;
}

function healthText({ http, expect, contains, tcp, unit, withinMs }: HealthCheck): string {
  const parts = [
    http === undefined ? "" : `${http} answers ${expect ?? "2xx"}${contains === undefined ? "" : ` with ${JSON.stringify(contains)}`}`,
    tcp === undefined ? "" : `${tcp} is open`,
    unit === undefined ? "" : `${unit} stays up`,
  ];
  return `${parts.filter((part) => part !== "").join(" and ")} within ${durationText(withinMs)}`;
}
