import { existsSync } from "node:fs";
import type { By } from "../runtime/verbs.ts";
import { maskSecrets } from "./mask.ts";
import { runProgram } from "./program.ts";
import { sleep } from "./sleep.ts";

interface SudoLine {
  readonly user: string;
  readonly command: string;
}

/** How long a lookup may take, how long others are waited for, and how far back it looks. */
const lookupMs = 100;
const gatherMs = 50;
const backSeconds = 5;

/** By the program's path, which journald finds out itself: its name anybody can give to a program. Sudo, and where distributions keep one of several. */
const sudos = ["/usr/bin/sudo", "/usr/bin/sudo.ws", "/usr/lib/cargo/bin/sudo"];

/** Lookups a minute at most: a file that is written all the time must not keep the host busy. */
const perMinute = 60;
let minute = { at: 0, left: perMinute };
let next: Promise<readonly SudoLine[]> | undefined;

/** The person whose sudo command of the last seconds names a path, unit or package: undefined where the journal does not tell. Takes at most 150 ms. */
export async function whoNamed(subject: string): Promise<By | undefined> {
  if (!existsSync("/usr/bin/sudo")) return undefined;
  const short = subject.replace(/\.service$/, "");
  const names = new RegExp(`(^|[\\s/='"])${short.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(\\.service)?($|[\\s'":=])`);
  const found = (await sudoLines()).findLast((line) => names.test(line.command));
  return found === undefined ? undefined : { who: `${found.user} (sudo)`, how: maskSecrets(found.command).slice(0, 500) };
}

function affordable(now: number): boolean {
  if (now - minute.at > 60_000) minute = { at: now, left: perMinute };
  minute.left -= 1;
  return minute.left >= 0;
}

/** Lookups that come before a reading of the journal begins share it: one that began earlier may not have what they look for. */
function sudoLines(): Promise<readonly SudoLine[]> {
  next ??= sleep(gatherMs).then(() => {
    next = undefined;
    return affordable(Date.now()) ? readSudoLines() : [];
  });
  return next;
}

async function readSudoLines(): Promise<readonly SudoLine[]> {
  const argv = [
    "journalctl",
    "--no-pager",
    "--quiet",
    "--output=cat",
    `--since=-${backSeconds}s`,
    "--lines=50",
    ...sudos.map((path) => `_EXE=${path}`),
  ];
  const result = await runProgram(argv, { timeoutMs: lookupMs, maxOutput: 65_536, ignoreErrors: true }).catch(() => undefined);
  return result === undefined || result.code !== 0 ? [] : parseSudoLines(result.output);
}

/** What sudo allowed (a refusal has its reason first): lines such as `alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/systemctl stop nginx` (sudoers(5), log format). */
export function parseSudoLines(text: string): SudoLine[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*(\S+) : (?:TTY|PWD|HOST|USER)=.*?; COMMAND=(.+)$/.exec(line);
    return match === null ? [] : [{ user: match[1] as string, command: match[2] as string }];
  });
}
