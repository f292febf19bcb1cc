import Type, { type Static } from "typebox";

/** A version of an agent, as semver.org writes it. */
export const AgentVersion = Type.String({
  pattern: "^(0|[1-9][0-9]{0,8})\\.(0|[1-9][0-9]{0,8})\\.(0|[1-9][0-9]{0,8})(-[0-9A-Za-z.-]{1,32})?$",
  maxLength: 64,
});

/** What an agent is released as: `agent-linux-x64`, `agent-linux-arm64-musl` … (compiled), `agent.cjs` (for a Node that is there). */
export const releaseName = /^(agent-linux-(x64|arm64)(-musl)?|agent\.cjs)$/;

/** The largest program that an agent fetches, bytes. */
const maxRelease = 512 * 1024 * 1024;

/** One program of one version, as a controller offers it: `signature` (base64) is by the controller's Ed25519 key over `releaseText`. */
export const AgentRelease = Type.Object(
  {
    version: AgentVersion,
    name: Type.String({ pattern: releaseName.source, maxLength: 64 }),
    size: Type.Integer({ minimum: 1, maximum: maxRelease }),
    sha256: Type.String({ pattern: "^[0-9a-f]{64}$" }),
    signature: Type.String({ maxLength: 128 }),
  },
  { additionalProperties: false },
);
export type AgentRelease = Static<typeof AgentRelease>;

/** What the signature of a release is over. */
export const releaseText = ({ version, name, size, sha256 }: Omit<AgentRelease, "signature">): string =>
  `backend-ai agent release\n${version}\n${name}\n${size}\n${sha256}\n`;

/** Where an agent fetches a release, below its controller's address. */
export const releasePath = ({ version, name }: Pick<AgentRelease, "version" | "name">): string => `/agent/v1/releases/${version}/${name}`;

/** The release of a compiled agent for a platform. */
export const compiledName = ({ arch, libc }: { readonly arch: string; readonly libc?: string | undefined }): string =>
  `agent-linux-${arch}${libc === "musl" ? "-musl" : ""}`;

/** Orders versions as semver.org has it: negative where `a` is older. What is no version is older than every one. */
export function compareVersions(a: string, b: string): number {
  const [one, other] = [parsed(a), parsed(b)];
  for (let at = 0; at < 3; at++) {
    const difference = one.numbers[at]! - other.numbers[at]!;
    if (difference !== 0) return difference;
  }
  if (one.before === other.before) return 0;
  if (one.before === undefined || other.before === undefined) return one.before === undefined ? 1 : -1;
  return compareParts(one.before.split("."), other.before.split("."));
}

function parsed(text: string): { readonly numbers: readonly number[]; readonly before: string | undefined } {
  const [, major, minor, patch, before] = /^(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?$/.exec(text) ?? [];
  return patch === undefined
    ? { numbers: [-1, -1, -1], before: undefined }
    : { numbers: [Number(major), Number(minor), Number(patch)], before };
}

/** Numbers by value and before words, words by their letters, fewer parts before more. */
function compareParts(a: readonly string[], b: readonly string[]): number {
  for (const [at, one] of a.entries()) {
    const other = b[at];
    if (other === undefined) return 1;
    if (one === other) continue;
    const numeric = [/^\d+$/.test(one), /^\d+$/.test(other)];
    if (numeric[0] && numeric[1]) return Number(one) - Number(other);
    if (numeric[0] !== numeric[1]) return numeric[0] ? -1 : 1;
    return one < other ? -1 : 1;
  }
  return a.length - b.length;
}
