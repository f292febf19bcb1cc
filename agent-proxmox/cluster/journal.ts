import { readFile } from "node:fs/promises";
import { Low } from "lowdb";
import { writeDurably } from "../../agent/runtime/durable.ts";

/** A request that changes the cluster, noted before it is sent. `upid`: once its answer is known. Times in milliseconds since the epoch. */
export interface Dispatched {
  /** The step it belongs to, and which of its requests. */
  readonly step: string;
  readonly part: string;
  readonly node: string;
  /** Task types that it may have begun, and the guest's number. */
  readonly types: readonly string[];
  readonly guest: number;
  readonly at: number;
  readonly upid?: string | undefined;
}

/** Numbers of guests that were made for a resource, and when guests were last rolled back. */
export interface Journal {
  find(step: string, part: string): Dispatched | undefined;
  /** On disk before it resolves, like all below. */
  note(dispatched: Dispatched): Promise<void>;
  forget(step: string, part: string): Promise<void>;
  madeFor(resource: string): number | undefined;
  made(resource: string, guest: number): Promise<void>;
  unmade(guest: number): Promise<void>;
  rolledBackAt(guest: number): number | undefined;
  rolledBack(guest: number, at: number): Promise<void>;
}

interface File {
  dispatched: Dispatched[];
  made: Record<string, number>;
  rolledBack: Record<string, number>;
}

/** Notes are kept for this long: a step is not sent again after a week. */
const keepMs = 8 * 86_400_000;
const maxNotes = 5000;

/** Keeps the journal in a file that survives power cuts; `path` undefined: in memory, for tests. */
export async function openJournal(path: string | undefined, now: () => number): Promise<Journal> {
  const empty: File = { dispatched: [], made: {}, rolledBack: {} };
  const low = new Low<File>(
    {
      read: async () => (path === undefined ? null : readJournal(path)),
      write: async (data) => (path === undefined ? undefined : writeDurably(path, JSON.stringify(data), 0o600, `${path}.bak`)),
    },
    empty,
  );
  await low.read();
  let saving: Promise<void> = Promise.resolve();
  const save = (): Promise<void> => (saving = saving.catch(() => undefined).then(() => low.write()));
  const isAt =
    (step: string, part: string) =>
    (one: Dispatched): boolean =>
      one.step === step && one.part === part;
  return {
    find: (step, part) => low.data.dispatched.find(isAt(step, part)),
    note(dispatched) {
      const young = low.data.dispatched.filter((one) => now() - one.at < keepMs && !isAt(dispatched.step, dispatched.part)(one));
      low.data.dispatched = [...young.slice(-maxNotes), dispatched];
      return save();
    },
    forget(step, part) {
      low.data.dispatched = low.data.dispatched.filter((one) => !isAt(step, part)(one));
      return save();
    },
    madeFor: (resource) => low.data.made[resource],
    made(resource, guest) {
      low.data.made[resource] = guest;
      return save();
    },
    unmade(guest) {
      low.data.made = Object.fromEntries(Object.entries(low.data.made).filter(([, id]) => id !== guest));
      delete low.data.rolledBack[guest];
      return save();
    },
    rolledBackAt: (guest) => low.data.rolledBack[guest],
    rolledBack(guest, at) {
      low.data.rolledBack[guest] = at;
      return save();
    },
  };
}

/** The file, or the one before it where it is damaged. */
async function readJournal(path: string): Promise<File | null> {
  for (const one of [path, `${path}.bak`]) {
    try {
      const found = JSON.parse(await readFile(one, "utf8")) as Partial<File>;
      if (Array.isArray(found.dispatched))
        return { dispatched: found.dispatched, made: found.made ?? {}, rolledBack: found.rolledBack ?? {} };
    } catch (failure) {
      if (!(failure instanceof SyntaxError) && (failure as NodeJS.ErrnoException).code !== "ENOENT") throw failure;
    }
  }
  return null;
}
