import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { runProgram } from "./program.ts";
import type { LaidFile } from "./validate/candidates.ts";

/** What the process in the private mount namespace is told by its standard input. */
export interface NamespaceOrder {
  readonly files: readonly LaidFile[];
  readonly argv: readonly string[];
  readonly timeoutMs: number;
}

/** What it answers on its standard output, as the last line. */
export interface NamespaceAnswer {
  readonly code: number | null;
  readonly output: string;
  readonly timedOut: boolean;
}

/** A folder of the host that gets an overlay, with the mounts below it, which an overlay does not show. */
interface Overlay {
  readonly folder: string;
  readonly below: readonly string[];
}

/** Always writable inside, whatever the files are: validators open logs, process ids and caches. */
const scratch = ["/run", "/var"];
/** A tmpfs of our own is mounted here; it has to lie outside of everything that gets an overlay. */
const workFolder = "/tmp";
const maxOutput = 16_384;

/**
 * The sub-command `in-namespace`: runs inside a mount namespace of its own (made by systemd-run or unshare), lays the candidate files over the live ones
 * by overlays on a tmpfs, runs the validator, and answers. Everything it mounts and writes ends with it. Refuses to run in the host's own namespace.
 */
export async function main(): Promise<void> {
  const order = JSON.parse(readFileSync(0, "utf8")) as NamespaceOrder;
  refuseHostNamespace();
  layOver(order.files);
  const result = await runProgram(order.argv, { timeoutMs: order.timeoutMs, maxOutput });
  const answer: NamespaceAnswer = { code: result.code, output: result.output, timedOut: result.timedOut };
  await new Promise<void>((resolve) => void process.stdout.write(`\n${JSON.stringify(answer)}\n`, () => resolve()));
}

const namespaceOf = (process: string): string => String(statSync(`/proc/${process}/ns/mnt`).ino);

function refuseHostNamespace(): void {
  if (namespaceOf("self") === namespaceOf("1")) throw new Error("in-namespace: this is the host's own mount namespace");
}

function layOver(files: readonly LaidFile[]): void {
  mount("--make-rprivate", "/");
  mount("-t", "tmpfs", "-o", "mode=0700,size=256m", "backend-ai", workFolder);
  // Whatever has no overlay is read-only; under systemd it is already.
  mount("-o", "remount,bind,ro", "/");
  for (const overlay of overlaysFor(
    files.map(({ path }) => path),
    mountPoints(),
  ))
    mountOverlay(overlay);
  for (const file of files) placeFile(file);
}

const mount = (...args: readonly string[]): unknown =>
  execFileSync("/bin/mount", args, { stdio: ["ignore", "pipe", "pipe"], env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" } });

function mountPoints(): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .flatMap((line) => {
      const point = line.split(" ")[4];
      return point === undefined
        ? []
        : [point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))];
    });
}

/** One overlay for each top-level folder that holds a candidate, and for each mount below it that does, outermost first. */
export function overlaysFor(paths: readonly string[], mounts: readonly string[]): Overlay[] {
  const folders = new Set<string>(scratch);
  for (const path of paths) {
    const top = `/${path.split("/")[1] ?? ""}`;
    const holding = mounts.filter((point) => point !== "/" && path.startsWith(`${point}/`)).sort((a, b) => b.length - a.length)[0];
    folders.add(top);
    if (holding !== undefined) folders.add(holding);
  }
  const sorted = [...folders].filter((folder) => folder !== "/" && !/^\/(proc|sys|dev)(\/|$)/.test(folder)).sort();
  return sorted.map((folder) => ({
    folder,
    below: [...new Set(mounts)].filter((point) => point.startsWith(`${folder}/`) && !sorted.includes(point)).sort(),
  }));
}

let count = 0;

/** The folder's own files below, a tmpfs above; what is mounted inside is bound back, since an overlay shows the folder's own file system only. */
function mountOverlay({ folder, below }: Overlay): void {
  count += 1;
  const place = join(workFolder, String(count));
  for (const name of ["lower", "upper", "work"]) mkdirSync(join(place, name), { recursive: true });
  const { mode, uid, gid } = statSync(folder);
  chmodSync(join(place, "upper"), mode & 0o7777);
  chownSync(join(place, "upper"), uid, gid);
  mount("--rbind", folder, join(place, "lower"));
  mount("-t", "overlay", "-o", `lowerdir=${place}/lower,upperdir=${place}/upper,workdir=${place}/work`, "backend-ai", folder);
  for (const point of below) {
    try {
      mount("--bind", join(place, "lower", point.slice(folder.length)), point);
    } catch {
      // A mount that cannot be shown again (a private one of another service) is of no use to a validator.
    }
  }
}

/** Writes a candidate into the overlay, with the owner and mode that it would have. */
function placeFile(file: LaidFile): void {
  const there = lstatSync(file.path, { throwIfNoEntry: false }) !== undefined;
  if (there) rmSync(file.path, { recursive: true, force: true });
  if (file.content === undefined) return;
  mkdirSync(dirname(file.path), { recursive: true, mode: 0o755 });
  writeFileSync(file.path, Buffer.from(file.content, "base64"), { flag: "wx", mode: 0o600 });
  chownSync(file.path, file.uid, file.gid);
  chmodSync(file.path, file.mode);
}
