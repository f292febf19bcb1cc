import type { Finding } from "../define.ts";
import { contradiction } from "../guest/check.ts";
import type { VirtualMachineSpec } from "./spec.ts";

const contents = ["iso", "image", "cloudInit"] as const;

/** Disks that are several things at once. */
export const checkVirtualMachine = ({ disks }: VirtualMachineSpec): Finding[] =>
  Object.entries(disks ?? {}).flatMap(([key, disk]): Finding[] => {
    if (disk === null) return [];
    const said = contents.filter((what) => disk[what] !== undefined && disk[what] !== false);
    if (said.length > 1)
      return [
        contradiction(
          `disks.${key}.${said[1]}`,
          `A disk is one of iso, image and cloudInit, not ${said.join(" and ")}`,
          "Keep one of them.",
        ),
      ];
    if (said[0] === "iso" && (disk.size !== undefined || disk.storage !== undefined))
      return [contradiction(`disks.${key}.iso`, "A CD has no size and no storage of its own", "Remove iso, or size and storage.")];
    if (said[0] === "cloudInit" && disk.size !== undefined)
      return [contradiction(`disks.${key}.size`, "A cloud-init drive has no size to choose", "Remove size.")];
    return [];
  });
