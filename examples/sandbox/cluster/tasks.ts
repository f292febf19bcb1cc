import type { FileLocks } from "./locks.ts";
import { textOf } from "./refused.ts";
import type { Time } from "./time.ts";

/** What a worker process can do while it runs. */
export interface Worker {
  readonly upid: string;
  log(line: string): void;
  /** A line that makes the task end with `WARNINGS: n`. */
  warn(text: string): void;
  /** Takes so many milliseconds; throws Interrupted where the task is stopped meanwhile. */
  wait(ms: number): Promise<void>;
  /** Holds a file lock for as long as `work` takes; says in the log when it has to wait for it. */
  lock<T>(path: string, waitMs: number, work: () => Promise<T> | T): Promise<T>;
}

/** A task was stopped: somebody sent its process a signal that it can handle. */
export class Interrupted extends Error {
  constructor() {
    super("received interrupt");
    this.name = "Interrupted";
  }
}

export interface Task {
  readonly upid: string;
  readonly node: string;
  readonly pid: number;
  readonly pstart: number;
  /** Seconds since the epoch. */
  readonly starttime: number;
  readonly type: string;
  readonly id: string;
  /** `user@realm` or `user@realm!token`. */
  readonly user: string;
  endtime: number | undefined;
  exitstatus: string | undefined;
  readonly log: string[];
  /** Ends it as a signal does that it handles, or as one that it cannot. */
  interrupt(): void;
  kill(): void;
  /** Resolves when it has ended, however. */
  readonly ended: Promise<void>;
}

export interface Tasks {
  readonly all: Map<string, Task>;
  /** Starts a worker; its UPID is known at once. */
  start(
    of: { readonly node: string; readonly type: string; readonly id: string; readonly user: string },
    work: (worker: Worker) => Promise<void>,
  ): string;
  running(node?: string): Task[];
}

/** Ended tasks that are remembered. */
const keptTasks = 5000;

/** Makes the workers of a cluster. */
export function tasks(time: Time, locks: FileLocks, forkMs: number): Tasks {
  const all = new Map<string, Task>();
  const began = time.now();
  let nextPid = 1200;

  const run = async (task: Task, worker: Worker, warnings: () => number, work: (worker: Worker) => Promise<void>): Promise<void> => {
    let outcome: string;
    try {
      await new Promise<void>((forked) => void time.after(forkMs, forked));
      if (task.exitstatus !== undefined) return;
      await work(worker);
      outcome = warnings() > 0 ? `WARNINGS: ${warnings()}` : "OK";
      if (task.exitstatus === undefined) task.log.push(`TASK ${outcome}`);
    } catch (thrown) {
      outcome = textOf(thrown);
      if (task.exitstatus === undefined) task.log.push(`TASK ERROR: ${outcome}`);
    }
    finish(task, outcome);
  };
  const finish = (task: Task, exitstatus: string): void => {
    if (task.exitstatus !== undefined) return;
    task.exitstatus = exitstatus;
    task.endtime = Math.floor(time.now() / 1000);
    for (const upid of all.keys()) {
      if (all.size <= keptTasks) break;
      if (all.get(upid)?.exitstatus !== undefined) all.delete(upid);
    }
  };

  return {
    all,
    start({ node, type, id, user }, work) {
      const pid = (nextPid += 1 + (nextPid % 7)),
        pstart = 600_000 + Math.floor((time.now() - began) / 10) + pid,
        starttime = Math.floor(time.now() / 1000);
      const upid = `UPID:${node}:${hex(pid)}:${hex(pstart)}:${hex(starttime)}:${type}:${id}:${user}:`;
      let warnings = 0,
        stopped = false,
        dead = false,
        stop: (() => void) | undefined,
        end!: () => void,
        die!: () => void;
      const log: string[] = [];
      const killed = new Promise<void>((done) => (die = done));
      const ended = new Promise<void>((done) => (end = done));
      const worker: Worker = {
        upid,
        log: (line) => void (dead || log.push(line)),
        warn(text) {
          warnings += 1;
          log.push(`WARN: ${text}`);
        },
        wait: (ms) =>
          new Promise((done, fail) => {
            if (dead) return;
            if (stopped) {
              stopped = false;
              return fail(new Interrupted());
            }
            const cancel = time.after(ms, () => {
              stop = undefined;
              if (!dead) done();
            });
            stop = () => {
              cancel();
              stop = undefined;
              stopped = false;
              fail(new Interrupted());
            };
          }),
        async lock<T>(path: string, waitMs: number, work: () => Promise<T> | T): Promise<T> {
          let waited = false;
          const value = await locks.hold(
            path,
            waitMs,
            () => {
              if (waited) log.push(" OK");
              return Promise.race([dead ? undefined : work(), killed]);
            },
            () => {
              waited = true;
              log.push("trying to acquire lock...");
            },
          );
          // A killed process lets its locks go and does nothing more.
          return dead ? new Promise<never>(() => undefined) : (value as T);
        },
      };
      const task: Task = {
        upid,
        node,
        pid,
        pstart,
        starttime,
        type,
        id,
        user,
        endtime: undefined,
        exitstatus: undefined,
        log,
        interrupt() {
          if (task.exitstatus !== undefined) return;
          stopped = true;
          stop?.();
        },
        kill() {
          if (task.exitstatus !== undefined) return;
          dead = true;
          finish(task, "unexpected status");
          die();
          end();
        },
        ended,
      };
      all.set(upid, task);
      void run(task, worker, () => warnings, work).then(end);
      return upid;
    },
    running: (node) => [...all.values()].filter((task) => task.exitstatus === undefined && (node === undefined || task.node === node)),
  };
}

const hex = (number: number): string => number.toString(16).toUpperCase().padStart(8, "0");
