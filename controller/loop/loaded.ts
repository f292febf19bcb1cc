import type { HostView, KindContext, LoadedResource, PolicyRule } from "../core/model.ts";
import type { Part } from "../core/parts.ts";
import { defaultSettings, type Settings } from "../core/settings-defaults.ts";
import type { SecretValue } from "./secret-text.ts";

/** A loaded commit, ready to be put in force. */
export interface Loaded {
  readonly commit: string;
  readonly tree: string;
  readonly resources: readonly LoadedResource[];
  /** The resources by file, so that what changed is found without looking at the rest; absent: all are one part. */
  readonly parts?: readonly Part[] | undefined;
  readonly policies: readonly PolicyRule[];
  readonly settings: Settings;
  readonly context: (host: HostView) => KindContext;
  /** What its secrets hold: steps are sent with those of the commit in force, whatever was loaded since and refused. */
  readonly secret: SecretValue;
}

export const partsOf = ({ parts, resources }: Pick<Loaded, "parts" | "resources">): readonly Part[] => parts ?? [resources];

/** What is in force before anything was loaded. */
export const nothingLoaded: Loaded = {
  commit: "",
  tree: "",
  resources: [],
  policies: [],
  settings: defaultSettings,
  context: (host) => ({ host, file: () => undefined, seal: () => undefined, unitOf: (unit) => unit }),
  secret: () => undefined,
};

/** Contexts of a commit, one for each view of a host. */
export function contextsOf(loaded: Loaded): (host: HostView) => KindContext {
  const known = new WeakMap<HostView, KindContext>();
  return (host) => {
    let context = known.get(host);
    if (context === undefined) known.set(host, (context = loaded.context(host)));
    return context;
  };
}
