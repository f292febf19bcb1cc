import type { PretendHost } from "../pretend-host.ts";
import { readHost } from "./measure.ts";

/** The version that agents of pretend hosts say they are. */
export const pretendVersion = "0.1.0";

/** What the agent of a pretend host runs on. */
export function platformOf(host: PretendHost): { readonly os: string; readonly arch: string; readonly libc: string } {
  const { arch } = readHost(host);
  return { os: "linux", arch: arch === "x86_64" ? "x64" : arch, libc: host.image.system.manager === "apk" ? "musl" : "glibc" };
}
