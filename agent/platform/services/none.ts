import { failure } from "../failure.ts";
import type { ServicePlatform } from "./platform.ts";

/** A host whose init system we do not know: services cannot be read or set, everything else can. */
export function noServices(): ServicePlatform {
  const refuse = (unit: string): Promise<never> =>
    Promise.reject(failure("service/no-init", `Unable to look at ${unit}: this host runs neither systemd nor OpenRC`));
  return {
    init: "other",
    read: refuse,
    start: refuse,
    stop: refuse,
    restart: refuse,
    reload: refuse,
    setEnabled: refuse,
    setDropIns: refuse,
    reread: () => Promise.resolve(),
    list: () => Promise.resolve([]),
    watch: () => Promise.resolve(() => undefined),
    close: () => Promise.resolve(),
  };
}
