import type { Kind, KindTable } from "./define.ts";
import { file } from "./file/index.ts";
import { host } from "./host/index.ts";
import { packageKind } from "./package/index.ts";
import { policy } from "./policy/index.ts";
import { service } from "./service/index.ts";

/** Every kind, by its name: the one place that lists them. */
export const kinds: KindTable = new Map<string, Kind>([file, host, packageKind, policy, service].map((kind) => [kind.kind, kind]));
