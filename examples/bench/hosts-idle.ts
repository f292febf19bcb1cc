import { setTimeout as pause } from "node:timers/promises";
import type { Shell } from "../hosts/shell.ts";
import { percentile } from "./figure.ts";
import type { Bench } from "./hosts.ts";
import { declaredWords } from "./hosts-declared.ts";

interface Usage {
  /** Processor time of the process so far, its ended threads included, in seconds. */
  readonly cpu: number;
  readonly residentMiB: number;
  /** What of it belongs to no file: the rest is the program itself, which the kernel may drop and share. */
  readonly anonymousMiB: number;
}

/** From the host's /proc/PID/stat (fields 14 and 15: hundredths of a second, proc(5)) and status. */
async function usage(shell: Shell): Promise<Usage> {
  const [stat = "", ...status] = await shell.run(
    "p=$(systemctl show --property=MainPID --value ai-agent); cat /proc/$p/stat; grep -E '^(VmRSS|RssAnon)' /proc/$p/status",
  );
  const kiB = (name: string): number => Number(status.find((line) => line.startsWith(name))?.match(/\d+/)?.[0]);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { cpu: (Number(fields[11]) + Number(fields[12])) / 100, residentMiB: kiB("VmRSS") / 1024, anonymousMiB: kiB("RssAnon") / 1024 };
}

/** What the agents take while nothing happens, after all that was done to them. */
export async function measureIdle({ stage, shells, report, scale }: Bench): Promise<void> {
  const seconds = scale < 1 ? 10 : 60;
  await stage.untilInSync();
  await pause(scale < 1 ? 2000 : 5000);
  const before = await Promise.all(shells.map(usage));
  await pause(seconds * 1000);
  const after = await Promise.all(shells.map(usage));
  const percent = after.map(({ cpu }, at) => ((cpu - before[at]!.cpu) * 100) / seconds),
    resident = after.map(({ residentMiB }) => residentMiB),
    note = `${shells.length} hosts; ${declaredWords}`;
  report("agent on a host, idle, median", percentile(resident, 50), "MiB resident", { note });
  report("agent on a host, idle, 9 of 10", percentile(resident, 90), "MiB resident", { note });
  report(
    "agent on a host, idle, of which no file, median",
    percentile(
      after.map(({ anonymousMiB }) => anonymousMiB),
      50,
    ),
    "MiB resident",
    { note },
  );
  report("agent on a host, idle, median", percentile(percent, 50), "% CPU", { note: `over ${seconds} s; ${note}` });
  report("agent on a host, idle, most", Math.max(...percent), "% CPU", { note: `over ${seconds} s; ${note}` });
}
