import type { By } from "../../../agent/runtime/verbs.ts";
import { failure } from "../../../agent/platform/failure.ts";
import type { PretendHost } from "../pretend-host.ts";
import { file, type PretendFile } from "./parts.ts";
import { tell } from "./world.ts";

/** Folders that are there though no file is in them. */
const folders = new Set([
  "/",
  "/etc",
  "/home",
  "/opt",
  "/root",
  "/run",
  "/srv",
  "/tmp",
  "/usr/local/bin",
  "/var",
  "/var/lib",
  "/var/log",
  "/var/www",
  "/etc/nginx/conf.d",
  "/etc/systemd/system",
]);

/** Files that differ on every host without being kept anywhere. */
const made: Readonly<Record<string, (host: PretendHost) => string>> = {
  "/etc/hostname": (host) => `${host.name}\n`,
  "/etc/hosts": (host) => `127.0.0.1\tlocalhost\n127.0.1.1\t${host.name}\n`,
};

/** What lies at a path; undefined: no file and no link. */
export function fileAt(host: PretendHost, path: string): PretendFile | undefined {
  const own = host.files.get(path);
  if (own !== undefined) return own ?? undefined;
  const make = Object.hasOwn(made, path) ? made[path] : undefined;
  return host.image.files.get(path) ?? (make === undefined ? undefined : file(make(host)));
}

export function isFolder(host: PretendHost, path: string): boolean {
  if (folders.has(path)) return true;
  const start = `${path}/`;
  for (const [known] of filesUnder(host, start)) if (known !== "") return true;
  return false;
}

/** Every file whose path begins with `start`, in no order. */
export function* filesUnder(host: PretendHost, start: string): Generator<readonly [string, PretendFile]> {
  for (const [path, there] of host.files) if (there !== null && path.startsWith(start)) yield [path, there];
  for (const [path, there] of host.image.files) if (path.startsWith(start) && !host.files.has(path)) yield [path, there];
}

/** Puts a file in the place of what is there. */
export function putFile(host: PretendHost, path: string, now: PretendFile, by?: By): void {
  host.files.set(path, now);
  tell(host, { probe: "file", key: path, by });
}

/** Takes a file away; nothing where none is. */
export function dropFile(host: PretendHost, path: string, by?: By): void {
  if (fileAt(host, path) === undefined) return;
  if (host.image.files.has(path) || Object.hasOwn(made, path)) host.files.set(path, null);
  else host.files.delete(path);
  tell(host, { probe: "file", key: path, by });
}

/** Refuses what file actions refuse on real hosts: folders, links, and paths below a file. */
export function refuseOther(host: PretendHost, path: string): void {
  if (fileAt(host, path)?.target !== undefined)
    throw failure("file/link", `Unable to change ${path}: it is a symbolic link`, {
      hint: "Links are never followed or replaced: name the file that it points to, or remove the link",
    });
  if (isFolder(host, path)) throw failure("file/not-a-file", `Unable to change ${path}: it is a directory`);
  const parts = path.split("/");
  for (let length = 2; length < parts.length; length += 1)
    if (fileAt(host, parts.slice(0, length).join("/")) !== undefined)
      throw failure("file/change", `Unable to change ${path}: a part of its path is not a folder`);
}

/** Refuses accounts that the host does not have; numbers stand for themselves. */
export function refuseAccount(host: PretendHost, what: "user" | "group", name: string | undefined): void {
  if (name === undefined || /^[0-9]+$/.test(name) || host.image.users.has(name) || usersOfPackages(host).has(name)) return;
  const attribute = what === "user" ? "owner" : "group";
  throw failure(`file/no-${what}`, `Unable to set the ${attribute}: there is no ${what} ${name} on this host`);
}

function usersOfPackages(host: PretendHost): Set<string> {
  return new Set([...host.packages].flatMap(([name, state]) => (state === null ? [] : (host.image.repository.get(name)?.users ?? []))));
}
