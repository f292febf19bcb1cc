import type { HostSummary } from "../../../schemas/api.ts";
import type { MetricsFact } from "../../../schemas/verbs/host.ts";
import type { Paint } from "../paint.ts";
import { pairsView, tableView } from "./table.ts";
import { agoText, durationText } from "./time.ts";

const stateText = ({ state }: HostSummary, paint: Paint): string =>
  paint(state === "online" ? "good" : state === "late" ? "change" : "bad", state);

/** Hosts with their agents. `now`: milliseconds since the epoch. */
export const agentsView =
  (now: number) =>
  (hosts: readonly HostSummary[], paint: Paint): string =>
    tableView(
      ["HOST", "STATE", "LAST SEEN", "VERSION", "OS", "ADDRESS", "IN SYNC", "OPEN", "TAGS"],
      hosts.map((host) => [
        host.name,
        stateText(host, paint),
        seenText(host, now),
        versionText(host, paint),
        host.os ?? "",
        host.address ?? "",
        String(host.instances.inSync),
        host.instances.open === 0 ? "0" : paint("change", String(host.instances.open)),
        host.tags.join(","),
      ]),
      paint,
      "No agents. `backend-ai enrol` prints the command that installs one.",
    );

const versionText = ({ version, outdated }: HostSummary, paint: Paint): string =>
  outdated === true ? `${version} ${paint("change", "outdated")}` : version;

/** An agent that is online gives signs all the time; the moment is noted only as its state changes. */
const seenText = (host: HostSummary, now: number): string => (host.state === "online" ? "now" : agoText(host.lastSeen, now));

/** How busy hosts are, the busiest first. */
export const topView = (hosts: readonly HostSummary[], paint: Paint): string => {
  const rows = hosts
    .map((host) => ({ host, metrics: host.metrics as MetricsFact | undefined }))
    .sort((a, b) => (b.metrics?.cpu ?? -1) - (a.metrics?.cpu ?? -1) || (a.host.name < b.host.name ? -1 : 1));
  return tableView(
    ["HOST", "CPU", "MEMORY", "SWAP", "LOAD", "FULLEST DISK", "RECEIVES", "SENDS"],
    rows.map(({ host, metrics }) => {
      if (metrics === undefined) return [host.name, stateText(host, paint), "", "", "", "", "", ""];
      const disk = [...metrics.disks].sort((a, b) => b.used - a.used)[0];
      return [
        host.name,
        percent(metrics.cpu, paint),
        percent(metrics.memory, paint),
        percent(metrics.swap, paint),
        metrics.load.toFixed(2),
        disk === undefined ? "" : `${percent(disk.used, paint)} ${disk.mount}`,
        rate(metrics.network.receivedPerSecond),
        rate(metrics.network.sentPerSecond),
      ];
    }),
    paint,
    "No hosts.",
  );
};

const percent = (value: number, paint: Paint): string =>
  value >= 90 ? paint("bad", `${Math.round(value)} %`) : value >= 75 ? paint("change", `${Math.round(value)} %`) : `${Math.round(value)} %`;

function rate(bytes: number): string {
  const units = ["B/s", "KiB/s", "MiB/s", "GiB/s"];
  let value = bytes,
    n = 0;
  for (; value >= 1024 && n < units.length - 1; n++) value /= 1024;
  return `${value < 10 && n > 0 ? value.toFixed(1) : Math.round(value)} ${units[n]}`;
}

/** One host, with what is known of it. */
export const hostView =
  (now: number) =>
  (host: HostSummary, paint: Paint): string => {
    const labels = Object.entries(host.labels).map(([key, value]) => `${key}=${value}`);
    return pairsView(
      [
        ["Host", paint("bold", host.name)],
        [
          "Agent",
          `${host.agent}, version ${versionText(host, paint)}, ${stateText(host, paint)}${host.lastSeen === undefined || host.state === "online" ? "" : `, seen ${seenText(host, now)}`}`,
        ],
        ["Address", host.address],
        ["OS", host.os],
        ["Tags", host.tags.join(", ")],
        ["Labels", labels.join(", ")],
        ["Aliases", host.aliases.join(", ")],
        [
          "Clock",
          host.clockOffsetMs === undefined || Math.abs(host.clockOffsetMs) < 500
            ? undefined
            : `${durationText(Math.abs(host.clockOffsetMs))} ${host.clockOffsetMs > 0 ? "behind" : "ahead"}`,
        ],
        ["Resources", `${host.instances.inSync} in sync, ${host.instances.open} open`],
      ],
      paint,
    );
  };
