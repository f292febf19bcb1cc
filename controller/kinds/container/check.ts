import type { Finding } from "../define.ts";
import { contradiction } from "../guest/check.ts";
import type { ContainerSpec } from "./spec.ts";

/** Mounts that are a folder of the node and a volume at once. */
export const checkContainer = ({ mounts }: ContainerSpec): Finding[] =>
  Object.entries(mounts ?? {}).flatMap(([key, mount]) =>
    mount !== null && mount.bind !== undefined && (mount.storage !== undefined || mount.size !== undefined)
      ? [contradiction(`mounts.${key}.bind`, "A folder of the node has no storage and no size", "Remove bind, or storage and size.")]
      : [],
  );
