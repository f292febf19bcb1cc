import { join } from "node:path";
import { createInterface } from "node:readline";
import { netSpawn } from "../lab/lab.ts";
import { percentile } from "./figure.ts";
import type { Bench } from "./hosts.ts";
import { declared, sitePort } from "./hosts-declared.ts";
import { expectEvents } from "./hosts-events.ts";

/** What an address serves from a moment on; text null: nothing. Times in milliseconds since the epoch. */
interface Served {
  readonly target: string;
  readonly from: number;
  readonly at: number;
  readonly text: string | null;
}

interface Sampler {
  /** What was seen since the addresses were named. */
  readonly seen: readonly Served[];
  /** Resolves once this holds of what was seen; rejects after 20 s. */
  until(holds: (seen: readonly Served[]) => boolean): Promise<void>;
  /** Names the addresses to ask from now on. */
  ask(targets: readonly string[]): void;
  close(): void;
}

function startSampler(): Sampler {
  const child = netSpawn([process.execPath, join(import.meta.dirname, "served.ts")], { stdio: ["pipe", "pipe", "inherit"] }),
    { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error("no pipes to the sampler");
  let seen: Served[] = [],
    look = (): void => undefined;
  createInterface(stdout).on("line", (line) => {
    seen.push(JSON.parse(line) as Served);
    look();
  });
  return {
    get seen() {
      return seen;
    },
    until: (holds) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`not served within 20 s: ${JSON.stringify(seen.slice(-20))}`)), 20_000);
        look = () => {
          if (!holds(seen)) return;
          clearTimeout(timer);
          look = () => undefined;
          resolve();
        };
        look();
      }),
    ask(targets) {
      seen = [];
      stdin.write(`${targets.join(" ")}\n`);
    },
    close: () => void stdin.end(),
  };
}

/** From `git commit` of a changed site to its being served by all hosts: checked by nginx -t, written and reloaded. */
export async function measureCommits({ stage, report, scale }: Bench): Promise<void> {
  const sampler = startSampler(),
    targets = stage.hosts.map(({ ip }) => `${ip}:${sitePort}`),
    times: number[] = [];
  const latest = (seen: readonly Served[], target: string): Served | undefined => seen.findLast((one) => one.target === target);
  sampler.ask(targets);
  for (let round = 0; round < Math.max(5, Math.round(12 * scale)); round++) {
    const word = `word-${round}`,
      begun = performance.timeOrigin + performance.now();
    await stage.commit(declared({ word, drift: "alert" }));
    await sampler.until((seen) => targets.every((target) => latest(seen, target)?.text === word));
    await stage.untilInSync();
    // The last change to the new word counts: while nginx changes its processes the old one may answer once more.
    times.push(Math.max(...targets.map((target) => latest(sampler.seen, target)!.at)) - begun);
  }
  sampler.close();
  const name = `commit of a site file to served by all of ${targets.length} hosts`,
    note = `${times.length} commits, git's own time within`;
  report(`${name}, median`, percentile(times, 50), "ms", { target: 1500, note });
  report(`${name}, longest`, Math.max(...times), "ms", { target: 1500, note });
}

/** From `kill -9` of all of nginx's processes, which nothing on the host starts again, to its serving again. */
export async function measureKills({ stage, shells, report, scale }: Bench): Promise<void> {
  const sampler = startSampler(),
    events = await expectEvents(stage),
    times: number[] = [];
  for (let round = 0; round < Math.max(6, Math.round(60 * scale)); round++) {
    const at = round % shells.length,
      host = stage.hosts[at]!,
      over = events.next(({ type, about }) => type === "drift.closed" && about === `Service/nginx@${host.name}`),
      ended = events.next(({ type }) => type === "run.ended");
    sampler.ask([`${host.ip}:${sitePort}`]);
    await sampler.until((seen) => typeof seen.at(-1)?.text === "string");
    await shells[at]!.run("p=$(pgrep --exact nginx)");
    const [said = ""] = await shells[at]!.run("s=$EPOCHREALTIME; kill -9 $p 2>/dev/null; echo $s"),
      begun = Number(said) * 1000;
    await sampler.until((seen) => seen.at(-1)!.from > begun && typeof seen.at(-1)!.text === "string");
    times.push(sampler.seen.at(-1)!.at - begun);
    await Promise.all([over, ended]);
  }
  sampler.close();
  events.close();
  const note = `${times.length} on ${shells.length} hosts; drift.correctionsPerHour: 1000`;
  report("kill -9 of nginx to serving again, median", percentile(times, 50), "ms", { target: 300, note });
  report("kill -9 of nginx to serving again, 99 of 100", percentile(times, 99), "ms", { note });
}
