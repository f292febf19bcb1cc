import { agentPlacement } from "./agent-placement/index.ts";
import { container } from "./container/index.ts";
import type { Kind, KindTable } from "./define.ts";
import { file } from "./file/index.ts";
import { host } from "./host/index.ts";
import { packageKind } from "./package/index.ts";
import { policy } from "./policy/index.ts";
import { service } from "./service/index.ts";
import { virtualMachine } from "./virtual-machine/index.ts";

/** Every kind, by its name: the one place that lists them. */
export const kinds: KindTable = new Map<string, Kind>(
  [agentPlacement, container, file, host, packageKind, policy, service, virtualMachine].map((kind) => [kind.kind, kind]),
);
