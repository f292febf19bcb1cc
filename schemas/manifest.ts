import Type, { type Static } from "typebox";
import { DnsLabel } from "./ids.ts";

export const apiVersion = "backend-ai/v1";

/** Limits of a workspace: bytes of one manifest, resources in all. */
export const maxManifestBytes = 1_048_576;
export const maxResources = 100_000;

/** Value of a label: at most 63 characters. */
export const LabelValue = Type.String({ maxLength: 63, pattern: "^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$" });

/** A tag of a host. */
export const Tag = Type.String({
  pattern: "^[a-z0-9]([a-z0-9_.-]{0,61}[a-z0-9])?$",
  description: "Lower case letters, digits, hyphens, dots and underscores",
});

/** Labels of a host: name and value. */
export const Labels = Type.Record(Type.String({ pattern: "^[a-z0-9]([a-z0-9./-]*[a-z0-9])?$" }), LabelValue, {
  additionalProperties: false,
  maxProperties: 64,
  description: "Labels: name and value",
});

export const Metadata = Type.Object(
  {
    name: DnsLabel,
    labels: Type.Optional(
      Type.Record(Type.String({ pattern: "^[a-z0-9]([a-z0-9./-]*[a-z0-9])?$" }), LabelValue, { additionalProperties: false }),
    ),
    annotations: Type.Optional(Type.Record(Type.String(), Type.String({ maxLength: 4096 }))),
  },
  { additionalProperties: false },
);

/** The envelope of every document of a manifest; what `spec` may hold is the kind's own schema. */
export const Resource = Type.Object(
  { apiVersion: Type.Literal(apiVersion), kind: Type.String(), metadata: Metadata, spec: Type.Record(Type.String(), Type.Unknown()) },
  { additionalProperties: false },
);
export type Resource = Static<typeof Resource>;

/** `30s 5m 2h 1d`, also put together: `1h30m`. */
export const Duration = Type.String({ pattern: "^([0-9]+(ms|s|m|h|d))+$", maxLength: 32, description: "Duration such as 30s, 5m, 2h" });

/** RFC 3339 with a time zone. */
export const Time = Type.String({ format: "date-time", description: "Time (RFC 3339), such as 2026-11-20T10:00:00Z" });

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A duration in milliseconds; the text was checked by its schema. */
export function durationMs(text: string): number {
  let sum = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|s|m|h|d)/g)) sum += Number(count) * unitMs[unit as keyof typeof unitMs];
  return sum;
}

/** `4GiB 512MiB 1.5TiB`, in powers of 1024. */
export const Size = Type.String({
  pattern: "^[0-9]+(\\.[0-9]+)?(B|KiB|MiB|GiB|TiB)$",
  maxLength: 32,
  description: "Size such as 512MiB, 4GiB",
});

const sizeBytesOf = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 } as const;

/** A size in bytes; the text was checked by its schema. */
export function sizeBytes(text: string): number {
  const [, count, unit] = /^([0-9.]+)(\w+)$/.exec(text) ?? [];
  return Math.round(Number(count) * sizeBytesOf[unit as keyof typeof sizeBytesOf]);
}

/** A size in bytes as a manifest writes it, in the largest unit that divides it. */
export function printBytes(bytes: number): string {
  for (const unit of ["TiB", "GiB", "MiB", "KiB"] as const)
    if (bytes >= sizeBytesOf[unit] && bytes % sizeBytesOf[unit] === 0) return `${bytes / sizeBytesOf[unit]}${unit}`;
  return `${bytes}B`;
}

/** A reference to another resource: `Kind/name`. */
export const Reference = Type.String({
  pattern: "^[A-Z][A-Za-z]*/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
  description: "Kind/name of another resource",
});

/** A value kept age-encrypted in the workspace: `name/key` of `secrets/NAME.age.yaml`. */
export const SecretRef = Type.Object(
  { secretRef: Type.String({ pattern: "^[a-z0-9][a-z0-9-]*/[A-Za-z0-9_.-]+$" }) },
  { additionalProperties: false },
);
export type SecretRef = Static<typeof SecretRef>;

/** Fields that every kind with instances on hosts has. `on` holds stable terms only. */
export const common = {
  on: Type.String({ maxLength: 4096, description: "Selector: the hosts where this holds" }),
  needs: Type.Optional(Type.Array(Reference, { maxItems: 64, description: "Resources that come first" })),
  onlyIf: Type.Optional(Type.String({ maxLength: 512, description: "Condition: Kind/name is STATE" })),
};

/** How a change of many hosts proceeds. */
export const Rollout = Type.Object(
  {
    maxUnavailable: Type.Optional(
      Type.Union([Type.Integer({ minimum: 1 }), Type.String({ pattern: "^[1-9][0-9]?%$|^100%$" })], {
        description: "Hosts at a time, a number or a share such as 25%",
      }),
    ),
    canary: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: "Hosts in the first batch, before all others; as many as in the others where it is left out",
      }),
    ),
    pause: Type.Optional(Type.Unsafe<string>({ ...Duration, description: "How long to wait between two batches" })),
    onFailure: Type.Optional(
      Type.Union([Type.Literal("halt"), Type.Literal("rollback")], {
        description:
          "What follows where a change or its health check fails: halt leaves it, rollback takes it back; no further host is touched either way",
      }),
    ),
  },
  { additionalProperties: false, description: "How a change of many hosts proceeds; all at once where it is left out" },
);
export type Rollout = Static<typeof Rollout>;

/** A health check as manifests write it. */
export const Health = Type.Object(
  {
    http: Type.Optional(
      Type.String({ pattern: "^https?://", maxLength: 2048, description: "URL that has to answer, asked from the host itself" }),
    ),
    expect: Type.Optional(Type.Integer({ minimum: 100, maximum: 599, description: "HTTP status; any 2xx where it is left out" })),
    contains: Type.Optional(Type.String({ maxLength: 1024, description: "Text that the answer has to contain" })),
    tcp: Type.Optional(
      Type.String({ pattern: "^[^\\s:]*(:[^\\s]+)?:[0-9]{1,5}$", description: "HOST:PORT that has to accept a connection" }),
    ),
    unit: Type.Optional(Type.Boolean({ description: "The unit itself has to stay up" })),
    within: Type.Optional(
      Type.Unsafe<string>({
        ...Duration,
        description: "How long the check is repeated before it counts as failed; 30s where it is left out",
      }),
    ),
  },
  { additionalProperties: false, description: "What has to hold after a change" },
);
export type Health = Static<typeof Health>;
