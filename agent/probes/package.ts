import { stat } from "node:fs/promises";
import type { ProbeInput, ProbeOutput } from "../../schemas/verbs/index.ts";
import { failure } from "../platform/failure.ts";
import { PathWatch } from "../platform/files/watch.ts";
import { anyLocked } from "../platform/packages/file-lock.ts";
import type { PackagePlatform } from "../platform/packages/platform.ts";
import { whoInstalled } from "../platform/packages/who-installed.ts";
import type { Dirty, ProbeContext, Watcher } from "../runtime/verbs.ts";

/** The host's package manager, where it is the one that is asked for. */
export function managerFor(
  packages: PackagePlatform | undefined,
  input: { readonly name: string; readonly manager?: string | undefined },
): PackagePlatform {
  if (packages === undefined)
    throw failure("package/no-manager", `Unable to look at package ${input.name}: this host has none of apt, dnf and apk`);
  if (input.manager !== undefined && input.manager !== packages.manager)
    throw failure(
      "package/other-manager",
      `Unable to look at package ${input.name} by ${input.manager}: this host has ${packages.manager}`,
    );
  return packages;
}

/** Probe `package`: as the package manager knows it, and when we last upgraded it. */
export const probePackage =
  (packages: PackagePlatform | undefined) =>
  async (input: ProbeInput<"package">, context: ProbeContext): Promise<ProbeOutput<"package">> => {
    const fact = await managerFor(packages, input).read(input.name, context.signal);
    const upgradedAt = context.memory.upgradedAt(input.name);
    return upgradedAt === undefined ? fact : { ...fact, upgradedAt };
  };

/** Who only reads rpm's database sets the owner of its log to what it was, which is an event: the bytes tell whether anything changed. */
const stampOf = (path: string): Promise<string> =>
  stat(path, { bigint: true }).then(
    (info) => `${info.ino}.${info.mtimeNs}.${info.size}`,
    () => "-",
  );

/** While a package manager works, its lock is looked at this often, so that `changing` ends soon after it. */
const busyMs = 500;

/** Watches the package manager's own files; all packages may have changed when one of them did. */
export const watchPackages =
  (packages: PackagePlatform | undefined) =>
  async (dirty: Dirty<"package">): Promise<Watcher<"package">> => {
    let inputs: readonly ProbeInput<"package">[] = [];
    let busy: NodeJS.Timeout | undefined;
    let soon: NodeJS.Timeout | undefined;
    const all = (): void => {
      soon ??= setTimeout(() => {
        soon = undefined;
        for (const input of inputs) dirty(input);
        void whoInstalled(Date.now())
          .catch(() => undefined)
          .then((by) => {
            if (by !== undefined) for (const input of inputs) dirty(input, by);
          });
      }, 20);
    };
    const locks = (packages?.watched ?? []).filter((path) => path.includes("lock") || path.includes(".pid"));
    const whileBusy = (): void => {
      busy ??= setInterval(() => {
        void anyLocked(locks).then((locked) => {
          if (locked) return;
          clearInterval(busy);
          busy = undefined;
          all();
        });
      }, busyMs);
    };
    const stamps = new Map<string, string>();
    const moved = async (path: string): Promise<boolean> => {
      const [before, now] = [stamps.get(path), await stampOf(path)];
      stamps.set(path, now);
      return before !== now;
    };
    const watch = new PathWatch((path) => {
      void moved(path).then((so) => {
        if (!so) return;
        all();
        whileBusy();
      });
    });
    await Promise.all((packages?.watched ?? []).map(moved));
    await watch.set(packages?.watched ?? []);
    return {
      async set(wanted) {
        inputs = wanted;
      },
      async close() {
        clearInterval(busy);
        clearTimeout(soon);
        watch.close();
      },
    };
  };
