/** A duration for people: `20 ms`, `1.2 s`, `3 m 20 s`, `2 h 5 m`, `4 d 3 h`. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1).replace(".0", "")} s`;
  const s = Math.floor(ms / 1000),
    m = Math.floor(s / 60),
    h = Math.floor(m / 60),
    d = Math.floor(h / 24);
  if (h === 0) return `${m} m ${s % 60} s`;
  return d === 0 ? `${h} h ${m % 60} m` : `${d} d ${h % 24} h`;
}

/** How long ago a time (RFC 3339) was: `3 m 20 s ago`. */
export function agoText(time: string | undefined, now: number): string {
  const at = time === undefined ? Number.NaN : Date.parse(time);
  if (Number.isNaN(at)) return "";
  return now - at < 1000 ? "now" : `${durationText(now - at)} ago`;
}

/** A time (RFC 3339) as people write it, in UTC: `2026-11-20 10:00:00`. */
export const timeText = (time: string): string => time.replace("T", " ").replace(/(\.\d+)?Z$/, "");
