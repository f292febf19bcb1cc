import { readFileSync } from "node:fs";
import type { MetricsFact } from "../../../schemas/verbs/host.ts";
import { sizesOf } from "./disks.ts";

interface Counters {
  readonly at: number;
  readonly busy: number;
  readonly total: number;
  readonly received: number;
  readonly sent: number;
}

/** Reads how busy the host is; CPU and network are means since the look before, or over a short while at the first. */
export function metricsReader(): () => Promise<MetricsFact> {
  let before: Counters | undefined;
  let last: { readonly at: number; readonly fact: MetricsFact } | undefined;
  return async () => {
    // Two that ask at the same moment get one answer: a mean over no time says nothing.
    if (last !== undefined && Date.now() - last.at < 250) return last.fact;
    if (before === undefined) {
      before = readCounters();
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    const now = readCounters();
    const seconds = Math.max(0.001, (now.at - before.at) / 1000);
    const disks = await sizesOf();
    const fact: MetricsFact = {
      cpu: percent(now.busy - before.busy, now.total - before.total),
      ...parseMemory(kernelText("meminfo")),
      load: Math.round(Number(kernelText("loadavg").split(" ")[0]) * 10) / 10,
      disks: disks.map(({ mount, used }) => ({ mount, used })),
      network: { receivedPerSecond: rate(now.received - before.received, seconds), sentPerSecond: rate(now.sent - before.sent, seconds) },
    };
    before = now;
    last = { at: Date.now(), fact };
    return fact;
  };
}

const percent = (part: number, whole: number): number => (whole <= 0 ? 0 : Math.max(0, Math.min(100, Math.round((part * 100) / whole))));

/** Bytes a second in steps of 1 KiB; a counter that started anew counts as nothing. */
const rate = (bytes: number, seconds: number): number => Math.max(0, Math.round(bytes / seconds / 1024) * 1024);

/** The kernel answers at once, from memory: a detour by another thread costs an idle agent ten times as much. */
const kernelText = (name: string): string => readFileSync(`/proc/${name}`, "utf8");

const readCounters = (): Counters => ({
  at: performance.now(),
  ...parseCpu(kernelText("stat")),
  ...parseNetwork(kernelText("net/dev")),
});

/** Ticks of all processors: idle and waiting for disks are not busy (proc(5), /proc/stat). */
export function parseCpu(stat: string): { busy: number; total: number } {
  const ticks = (stat.split("\n", 1)[0] ?? "").trim().split(/\s+/).slice(1, 9).map(Number);
  const total = ticks.reduce((sum, count) => sum + count, 0);
  return { busy: total - (ticks[3] ?? 0) - (ticks[4] ?? 0), total };
}

export function parseMemory(meminfo: string): { memory: number; swap: number } {
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(meminfo)?.[1] ?? 0);
  const total = field("MemTotal");
  const swap = field("SwapTotal");
  return { memory: percent(total - field("MemAvailable"), total), swap: percent(swap - field("SwapFree"), swap) };
}

/** Bytes of all interfaces but loopback. */
export function parseNetwork(dev: string): { received: number; sent: number } {
  let received = 0;
  let sent = 0;
  for (const line of dev.split("\n").slice(2)) {
    const [name = "", rest = ""] = line.split(":");
    const fields = rest.trim().split(/\s+/).map(Number);
    if (name.trim() === "lo" || fields.length < 9) continue;
    received += fields[0] ?? 0;
    sent += fields[8] ?? 0;
  }
  return { received, sent };
}
