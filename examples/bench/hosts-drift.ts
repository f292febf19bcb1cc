import { setTimeout as pause } from "node:timers/promises";
import type { EventView } from "../../schemas/api.ts";
import type { Shell } from "../hosts/shell.ts";
import { percentile } from "./figure.ts";
import type { Bench } from "./hosts.ts";
import { watchedFile } from "./hosts-declared.ts";
import { type Events, expectEvents } from "./hosts-events.ts";

interface Way {
  readonly what: string;
  readonly instance: string;
  /** Done beforehand, without being measured. */
  readonly first?: string;
  /** The change itself: it begins when this does. */
  readonly act: string;
  /** Brings everything back. */
  readonly back: string;
  readonly targets?: { readonly median: number; readonly most: number };
  /** Later moments from which it is told as well, where the program that makes the change takes a time of its own: what prints them, in seconds since the epoch. */
  readonly from?: Readonly<Record<string, string>>;
}

const startNginx = "systemctl reset-failed nginx; systemctl start nginx",
  within = { median: 50, most: 250 };
const ways: readonly Way[] = [
  {
    what: "kill -9 of a service's main process",
    instance: "Service/nginx",
    first: "p=$(systemctl show --property=MainPID --value nginx)",
    act: "kill -9 $p",
    back: startNginx,
    targets: within,
  },
  {
    what: "a file edited",
    instance: "File/app",
    act: `echo 'b = 2' >>${watchedFile}`,
    back: `echo 'a = 1' >${watchedFile}`,
    targets: within,
  },
  {
    what: "a file removed",
    instance: "File/app",
    act: `rm ${watchedFile}`,
    back: `(umask 027; echo 'a = 1' >${watchedFile})`,
    targets: within,
  },
  { what: "chmod", instance: "File/app", act: `chmod 0666 ${watchedFile}`, back: `chmod 0640 ${watchedFile}`, targets: within },
  {
    what: "systemctl stop",
    instance: "Service/nginx",
    act: "systemctl stop nginx",
    back: startNginx,
    from: { "the unit's end": 'date +%s.%6N -d "$(systemctl show --timestamp=us --property=InactiveEnterTimestamp --value nginx)"' },
  },
  {
    what: "systemctl disable",
    instance: "Service/nginx",
    act: "systemctl disable --quiet nginx 2>/dev/null",
    back: "systemctl enable --quiet nginx 2>/dev/null",
    from: { "the link's removal": "stat --format=%.6Y /etc/systemd/system/multi-user.target.wants", "the command's end": "echo $e" },
  },
];

const isDrift =
  (id: string) =>
  ({ type, about }: EventView): boolean =>
    type === "drift" && about === id;
const isClosed =
  (id: string) =>
  ({ type, about }: EventView): boolean =>
    type === "drift.closed" && about === id;

/** One change on one host, told and taken back: milliseconds to the alert from its beginning, and from the later moments. */
async function once({ act, back, first = ":", from = {}, instance }: Way, host: string, shell: Shell, events: Events): Promise<number[]> {
  const id = `${instance}@${host}`;
  await shell.run(first);
  // Apart from what the last one left behind, and not in step with anything.
  await pause(30 + Math.random() * 60);
  const alert = events.next(isDrift(id)),
    said = await shell.run(`s=$EPOCHREALTIME; ${act}; e=$EPOCHREALTIME; echo $s; ${Object.values(from).join("; ") || ":"}`),
    { at: told } = await alert;
  const closed = events.next(isClosed(id));
  await shell.run(back);
  await closed;
  return said.map((seconds) => told - Number(seconds) * 1000);
}

/** From a change on a real host to its alert, stored by the controller and told to whoever follows events; one host after the other. */
export async function measureDrift({ stage, shells, report, scale }: Bench): Promise<void> {
  const count = Math.max(10, Math.round(64 * scale)),
    note = `${count} on ${shells.length} hosts`,
    events = await expectEvents(stage);
  for (const way of ways) {
    const times: number[][] = [];
    for (let round = 0; round < count; round++) {
      const at = round % shells.length;
      times.push(await once(way, stage.hosts[at]!.name, shells[at]!, events));
    }
    const { what, targets, from = {} } = way,
      of = (moment: number): number[] => times.map((one) => one[moment]!);
    report(`${what} to alert, median`, percentile(of(0), 50), "ms", { note, ...(targets === undefined ? {} : { target: targets.median }) });
    report(`${what} to alert, 99 of 100`, percentile(of(0), 99), "ms", {
      note,
      ...(targets === undefined ? {} : { target: targets.most }),
    });
    for (const [at, moment] of Object.keys(from).entries())
      report(`${what} to alert, from ${moment}, median`, percentile(of(at + 1), 50), "ms", { note });
  }
  events.close();
}
