import { stringify } from "yaml";
import type { DriftView, InstanceView, ResourceView } from "../../../schemas/api.ts";
import type { Paint } from "../paint.ts";
import { differencesView } from "./plan-change.ts";
import { pairsView, tableView } from "./table.ts";
import { agoText } from "./time.ts";

const stateText = (state: string, paint: Paint): string =>
  paint(state === "in-sync" ? "good" : state === "drifted" || state === "blocked" ? "bad" : "change", state);

/** Resources, and how many of their instances stand how. */
export const resourcesView = (resources: readonly ResourceView[], paint: Paint): string =>
  tableView(
    ["RESOURCE", "HOSTS", "STATE", "ON", "MANIFEST"],
    resources.map((one) => [one.id, String(one.instances.length), statesOf(one, paint), one.on ?? "", `${one.file}:${one.line}`]),
    paint,
    "No resources.",
  );

function statesOf({ instances }: ResourceView, paint: Paint): string {
  const states = new Map<string, number>();
  for (const { state } of instances) states.set(state, (states.get(state) ?? 0) + 1);
  return [...states].map(([state, n]) => (states.size === 1 ? stateText(state, paint) : `${n} ${stateText(state, paint)}`)).join(", ");
}

const instancesTable = (instances: readonly InstanceView[], now: number, paint: Paint): string =>
  tableView(
    ["HOST", "STATE", "IS", "OBSERVED", "WHY"],
    instances.map((one) => [one.host, stateText(one.state, paint), one.word ?? "", agoText(one.observedAt, now), one.reason ?? ""]),
    paint,
    "It is on no host.",
  );

const differing = (instances: readonly InstanceView[], paint: Paint): string[] =>
  instances
    .filter((one) => (one.differences ?? []).length > 0)
    .map((one) =>
      [
        `${paint("bold", one.id)} differs (${paint("dim", "observed -> wanted")}):`,
        ...differencesView(one.differences ?? [], paint, "    "),
      ].join("\n"),
    );

/** One resource: its manifest, its instances, and where they differ. */
export const resourceView =
  (now: number) =>
  (resource: ResourceView, paint: Paint): string =>
    [
      pairsView(
        [
          ["Resource", paint("bold", resource.id)],
          ["Manifest", `${resource.file}:${resource.line}`],
          ["On", resource.on],
        ],
        paint,
      ),
      stringify(resource.manifest).trimEnd(),
      instancesTable(resource.instances, now, paint),
      ...differing(resource.instances, paint),
    ].join("\n\n");

/** One resource on one host: what is, and where it differs. */
export const instanceView =
  (now: number) =>
  (instance: InstanceView, paint: Paint): string =>
    [
      pairsView(
        [
          ["Instance", paint("bold", instance.id)],
          ["State", `${stateText(instance.state, paint)}${instance.reason === undefined ? "" : `: ${instance.reason}`}`],
          ["Is", instance.word],
          ["Observed", agoText(instance.observedAt, now)],
        ],
        paint,
      ),
      ...differing([instance], paint),
      ...(instance.fact === undefined ? [] : [`${paint("dim", "Observed fact:")}\n${stringify(instance.fact).trimEnd()}`]),
    ].join("\n\n");

/** Drift alerts, with who did it where the host can tell. */
export const driftView =
  (now: number) =>
  (alerts: readonly DriftView[], paint: Paint): string =>
    alerts.length === 0
      ? paint("good", "No drift: nothing has changed but by the manifests.")
      : alerts
          .map((alert) =>
            [
              `${paint(alert.closedAt === undefined ? "bad" : "dim", alert.closedAt === undefined ? "!" : "✓")} ${paint("bold", alert.instance)} drifted ${agoText(alert.since, now)}${alert.by === undefined ? "" : `, by ${alert.by.who}: ${alert.by.how}`}`,
              ...(alert.differences.some((one) => one.diff === undefined) ? [paint("dim", "    observed -> wanted:")] : []),
              ...differencesView(alert.differences, paint, "    "),
              `    ${paint("dim", "drift mode:")} ${alert.mode}${alert.corrected === true ? ", put back by us" : alert.closedAt === undefined ? "" : ", as it should be again"}${alert.note === undefined ? "" : `; ${alert.note}`}`,
            ].join("\n"),
          )
          .join("\n\n");
