import { type FSWatcher, watch as watchFolder } from "node:fs";
import { lstat, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { every } from "../every.ts";

/** A folder that is watched for some paths below it, with its identity, so that another folder under its name is noticed. */
interface Watched {
  readonly folder: string;
  readonly identity: string;
  readonly paths: Set<string>;
  readonly watcher: FSWatcher | undefined;
}

/** How often folders are checked to be the ones that are watched, and paths are looked at where the kernel gives no more watches. */
const checkEveryMs = 5000;
const pollEveryMs = 1000;
const dropsEvents = "Bun" in globalThis;
const silentMs = 3;

/**
 * Watches paths by inotify on the folder they are in, or on the nearest one above that exists; many paths of one folder share one watch.
 * Tells of creation, removal, replacement, writes, and changes of owner or mode. Without free watches it looks at the paths every second.
 * Bun keeps silent about what comes within two milliseconds of an event that it told, so it is told of once more after that.
 */
export class PathWatch {
  readonly #changed: (path: string) => void;
  readonly #folders = new Map<string, Watched>();
  readonly #folderOf = new Map<string, string>();
  readonly #stamps = new Map<string, string>();
  readonly #late = new Set<string>();
  #wanted = new Set<string>();
  #work: Promise<void> = Promise.resolve();
  #stopChecks: (() => void) | undefined;
  /** Folders that are asked about and did not answer yet. */
  readonly #asked = new Set<string>();
  #polling: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(changed: (path: string) => void) {
    this.#changed = changed;
  }

  /** Replaces the paths that are watched. Resolves once all are. */
  async set(paths: Iterable<string>): Promise<void> {
    const wanted = new Set(paths);
    for (const path of this.#wanted) if (!wanted.has(path)) this.#detach(path);
    const added = [...wanted].filter((path) => !this.#wanted.has(path));
    this.#wanted = wanted;
    this.#work = this.#work.then(async () => {
      for (const path of added) await this.#attach(path);
    });
    await this.#work;
    this.#stopChecks ??= every(checkEveryMs, () => void this.#check());
  }

  close(): void {
    this.#closed = true;
    this.#stopChecks?.();
    clearInterval(this.#polling);
    for (const watched of this.#folders.values()) watched.watcher?.close();
    this.#folders.clear();
  }

  /** Watches the deepest folder above the path that exists. One may come or go meanwhile: looks again until two looks agree. */
  async #attach(path: string): Promise<void> {
    for (let tries = 0; tries < 20 && !this.#closed && this.#wanted.has(path); tries += 1) {
      const { folder, identity } = await nearestFolder(dirname(path));
      const watched = this.#watchFolder(folder, identity);
      watched.paths.add(path);
      this.#folderOf.set(path, folder);
      const again = await nearestFolder(dirname(path));
      if (again.folder === folder && again.identity === identity) return;
      this.#detach(path);
    }
  }

  #detach(path: string): void {
    const folder = this.#folderOf.get(path);
    this.#folderOf.delete(path);
    this.#stamps.delete(path);
    const watched = folder === undefined ? undefined : this.#folders.get(folder);
    if (watched === undefined) return;
    watched.paths.delete(path);
    if (watched.paths.size === 0) this.#forget(watched);
  }

  #forget(watched: Watched): void {
    watched.watcher?.close();
    if (this.#folders.get(watched.folder) === watched) this.#folders.delete(watched.folder);
  }

  #watchFolder(folder: string, identity: string): Watched {
    const known = this.#folders.get(folder);
    if (known?.identity === identity) return known;
    const watched: Watched = { folder, identity, paths: new Set(known?.paths), watcher: this.#open(folder) };
    known?.watcher?.close();
    this.#folders.set(folder, watched);
    return watched;
  }

  #open(folder: string): FSWatcher | undefined {
    try {
      const watcher = watchFolder(folder, { persistent: false }, (_event, name) => this.#onEvent(folder, name));
      watcher.on("error", () => this.#lose(folder));
      return watcher;
    } catch {
      this.#poll();
      return undefined;
    }
  }

  #onEvent(folder: string, name: string | null): void {
    const watched = this.#folders.get(folder);
    if (watched === undefined) return;
    for (const path of watched.paths) {
      const rest = path.slice(folder === "/" ? 1 : folder.length + 1);
      const next = rest.split("/", 1)[0];
      if (name !== null && name !== next) continue;
      this.#tell(path);
      if (next !== rest) this.#again(path);
    }
    // A folder that is itself moved or removed tells its own name; the kernel does not say which of the two was meant.
    if (name === null || name === basename(folder)) for (const path of watched.paths) this.#again(path);
  }

  #tell(path: string): void {
    this.#changed(path);
    if (!dropsEvents || this.#late.has(path)) return;
    this.#late.add(path);
    setTimeout(() => {
      this.#late.delete(path);
      if (!this.#closed && this.#wanted.has(path)) this.#changed(path);
    }, silentMs).unref();
  }

  #lose(folder: string): void {
    const watched = this.#folders.get(folder);
    if (watched === undefined) return;
    this.#forget(watched);
    for (const path of watched.paths) this.#again(path);
  }

  /** The folders above a path have changed: finds the deepest again, and tells of the path, since nobody looked meanwhile. */
  #again(path: string): void {
    this.#work = this.#work.then(async () => {
      const folder = this.#folderOf.get(path);
      const watched = folder === undefined ? undefined : this.#folders.get(folder);
      const now = await nearestFolder(dirname(path));
      if (watched !== undefined && watched.folder === now.folder && watched.identity === now.identity) return;
      this.#detach(path);
      await this.#attach(path);
      if (!this.#closed && this.#wanted.has(path)) this.#changed(path);
    });
  }

  /** Folders further up that were moved, and links that point elsewhere now, send no event. */
  async #check(): Promise<void> {
    await Promise.all(
      Array.from(this.#folders.values(), async ({ folder, identity, paths }) => {
        // A file system that does not answer is not asked again: each question holds a thread.
        if (this.#asked.has(folder)) return;
        this.#asked.add(folder);
        const now = await identityOf(folder);
        this.#asked.delete(folder);
        if (now !== identity) for (const path of paths) this.#again(path);
      }),
    );
  }

  #poll(): void {
    this.#polling ??= setInterval(() => void this.#look(), pollEveryMs).unref();
  }

  async #look(): Promise<void> {
    for (const { watcher, paths } of this.#folders.values()) {
      if (watcher !== undefined) continue;
      for (const path of paths) {
        const stamp = await stampOf(path);
        const before = this.#stamps.get(path);
        this.#stamps.set(path, stamp);
        if (before !== undefined && before !== stamp) this.#changed(path);
      }
    }
  }
}

async function nearestFolder(folder: string): Promise<{ folder: string; identity: string }> {
  for (let at = folder; ; at = dirname(at)) {
    const identity = await identityOf(at);
    if (identity !== undefined || at === "/") return { folder: at, identity: identity ?? "" };
  }
}

const identityOf = (folder: string): Promise<string | undefined> =>
  stat(folder).then(
    (info) => (info.isDirectory() ? `${info.dev}:${info.ino}` : undefined),
    () => undefined,
  );

/** Changes whenever anything about a path does: the kernel sets ctime at every write, chmod, chown and rename. */
const stampOf = (path: string): Promise<string> =>
  lstat(path, { bigint: true }).then(
    (info) => `${info.dev}:${info.ino}:${info.ctimeNs}`,
    () => "missing",
  );
