import type { KeyObject } from "node:crypto";
import { dirname } from "node:path";
import type { Readable } from "node:stream";
import { compiledName } from "../../schemas/release.ts";
import type { Clock } from "../runtime/clock.ts";
import { credentialsOf, type Trust } from "../runtime/credentials.ts";
import { type Identity, verifyKeyOf } from "../runtime/identity.ts";
import { HttpRefusal } from "../runtime/post-json.ts";
import { getFile } from "./get-file.ts";
import { type Installation, installationIn } from "./installation.ts";

/** What an agent knows of itself, and how it is replaced. */
export interface OwnAgent {
  readonly version: string;
  readonly variant: string;
  readonly platform: { readonly os: string; readonly arch: string; readonly libc: string };
  /** Undefined where the agent was not started by the start script of an installation: then it cannot replace itself. */
  readonly installation: Installation | undefined;
  /** The folder of the version on trial, where this process is that one. */
  readonly onTrial: string | undefined;
  /** Verifies releases: the controller's Ed25519 key. */
  readonly key: KeyObject;
  /** A file of the controller from a byte on; rejects where it is not given. */
  readonly fetch: (path: string, from: number, signal: AbortSignal) => Promise<Readable>;
  /** Ends this process in order; the service starts it again. */
  readonly restart: () => void;
  /** Calls back when the agent's own state moved, until the returned function is called. */
  readonly onChange: (listener: () => void) => () => void;
}

/** What the agent of this very process is: `environment` is what the start script left in it. */
export function ownAgent({
  identity,
  controllers,
  clock,
  platform: { os, arch, libc },
  environment = process.env,
  ...rest
}: Pick<OwnAgent, "version" | "platform" | "restart" | "onChange"> & {
  readonly identity: Identity;
  readonly controllers: readonly string[];
  readonly clock: Clock;
  readonly environment?: Readonly<Record<string, string | undefined>>;
}): OwnAgent {
  const start = environment["AI_AGENT_START"];
  return {
    ...rest,
    platform: { os, arch, libc },
    variant: process.versions["bun"] === undefined ? "agent.cjs" : compiledName({ arch, libc }),
    installation: start === undefined || !start.startsWith("/") ? undefined : installationIn(dirname(start)),
    onTrial: environment["AI_AGENT_TRIAL"],
    key: verifyKeyOf(identity.controllerKey),
    fetch: fetching(identity, controllers, clock),
  };
}

/** Asks the controllers in turn for a file, until one gives it. */
function fetching(identity: Identity, controllers: readonly string[], clock: Clock): OwnAgent["fetch"] {
  const trust: Trust = identity.ca === "" ? {} : { ca: identity.ca },
    credentials = credentialsOf(identity, trust, clock);
  return async (path, from, signal) => {
    let last: unknown = new Error("there is no controller to ask");
    for (const base of controllers) {
      try {
        return await getFile(`${base}${path}`, { trust, bearer: await credentials.bearer(base, undefined, signal), from, signal });
      } catch (failure) {
        if (failure instanceof HttpRefusal && failure.status === 401) credentials.forget();
        last = failure;
      }
    }
    throw last;
  };
}
