import type { MetricsFact } from "../../schemas/verbs/host.ts";

/** Whether figures moved by enough to be worth a report. */
export function metricsMoved(was: MetricsFact, is: MetricsFact): boolean {
  const by = (a: number, b: number, least: number) => Math.abs(a - b) >= least;
  const rate = (a: number, b: number) => by(a, b, 16_384) && Math.max(a, b) > 2 * Math.min(a, b);
  const disks = new Map(was.disks.map(({ mount, used }) => [mount, used]));
  return (
    by(was.cpu, is.cpu, 5) ||
    by(was.memory, is.memory, 2) ||
    by(was.swap, is.swap, 2) ||
    by(was.load, is.load, Math.max(0.5, was.load * 0.25)) ||
    was.disks.length !== is.disks.length ||
    is.disks.some(({ mount, used }) => by(used, disks.get(mount) ?? -100, 1)) ||
    rate(was.network.receivedPerSecond, is.network.receivedPerSecond) ||
    rate(was.network.sentPerSecond, is.network.sentPerSecond)
  );
}
