import type { Volume } from "./state.ts";

/** Which backups a rule would keep, newest first in each of its parts. */
export function pruneMarks(
  volumes: readonly Volume[],
  rule: string,
): { readonly volume: Volume; readonly mark: "keep" | "remove" | "protected" }[] {
  const counts = Object.fromEntries(rule.split(",").map((part) => part.split("=") as [string, string]));
  const sorted = [...volumes].sort((a, b) => b.ctime - a.ctime),
    kept = new Set<Volume>();
  if (Number(counts["keep-all"] ?? 0) === 1 || rule === "")
    return sorted.map((volume) => ({ volume, mark: volume.protected === true ? "protected" : "keep" }));
  const periods: Readonly<Record<string, (at: Date) => string>> = {
    "keep-last": (at) => at.toISOString(),
    "keep-hourly": (at) => at.toISOString().slice(0, 13),
    "keep-daily": (at) => at.toISOString().slice(0, 10),
    "keep-weekly": (at) => String(Math.floor((at.getTime() / 86_400_000 + 3) / 7)),
    "keep-monthly": (at) => at.toISOString().slice(0, 7),
    "keep-yearly": (at) => at.toISOString().slice(0, 4),
  };
  for (const [name, period] of Object.entries(periods)) {
    const seen = new Set([...kept].map((volume) => period(new Date(volume.ctime * 1000))));
    let left = Number(counts[name] ?? 0);
    for (const volume of sorted) {
      if (left <= 0) break;
      const at = name === "keep-last" ? volume.volid : period(new Date(volume.ctime * 1000));
      if (kept.has(volume) || seen.has(at) || volume.protected === true) continue;
      seen.add(at);
      kept.add(volume);
      left -= 1;
    }
  }
  return sorted.map((volume) => ({ volume, mark: volume.protected === true ? "protected" : kept.has(volume) ? "keep" : "remove" }));
}
