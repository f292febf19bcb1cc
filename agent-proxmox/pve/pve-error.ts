import { error, type Problem } from "../../schemas/problem.ts";

/**
 * What an answer of Proxmox VE means, which its status alone does not tell:
 * `unreachable` no answer, or one of its proxy's (595, 596, 599); `login` 401; `right` 403; `parameter` 400; `missing` a guest, volume or node that is not there;
 * `locked` somebody else works on it; `busy` a file lock or a worker was waited for in vain; `quorum`; `changed` the digest is another by now;
 * `exists` the number or name is taken; `state` it runs already, or does not; `unsupported` 501, 506; `failed` anything else.
 */
export type PveFailure =
  | "unreachable"
  | "login"
  | "right"
  | "parameter"
  | "missing"
  | "locked"
  | "busy"
  | "quorum"
  | "changed"
  | "exists"
  | "state"
  | "unsupported"
  | "failed";

/** A request that Proxmox VE did not do, or of which it is not known. */
export class PveError extends Error {
  readonly kind: PveFailure;
  readonly status: number | undefined;
  /** What is wrong with which parameter, as the API says it. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Whether the request may have been carried out all the same: its answer was lost. */
  readonly mayBeDone: boolean;
  readonly request: string;

  constructor(of: {
    kind: PveFailure;
    text: string;
    request: string;
    status?: number | undefined;
    parameters?: Readonly<Record<string, string>> | undefined;
    mayBeDone?: boolean | undefined;
    cause?: unknown;
  }) {
    super(of.text, { cause: of.cause });
    this.name = "PveError";
    this.kind = of.kind;
    this.status = of.status;
    this.parameters = of.parameters ?? {};
    this.mayBeDone = of.mayBeDone === true;
    this.request = of.request;
  }
}

/** Texts of answers with status 500, which stands for many things (seen on a real 8.4.21 cluster), in the order in which they are tried. */
const meanings: readonly (readonly [RegExp, PveFailure])[] = [
  [/no quorum|not quorate|cluster not ready/i, "quorum"],
  [/can't lock file .*got timeout|got no worker upid|unable to acquire lock|trying to acquire lock|got timeout$/i, "busy"],
  [/(CT|VM|container|guest) is locked|is locked \(/i, "locked"],
  [/checksum mismatch|file change by other user|detected modified configuration/i, "changed"],
  [/already (exists|defined)|already exists on node|unable to create (CT|VM) \d+ - .* already exists/i, "exists"],
  [
    /does not exist|no such (volume|file|storage|node|task|vm|container|cluster node)|doesn't exist|hostname lookup .* failed|unable to find configuration file/i,
    "missing",
  ],
  [/already running|not running|is running|while (it is )?running/i, "state"],
  [/only root can|Permission check failed|user != root@pam/i, "right"],
];

/** What an answer with this status and text is. */
export function failureOf(status: number, text: string): PveFailure {
  if (status === 401) return "login";
  if (status === 403) return "right";
  if (status === 501 || status === 506) return "unsupported";
  if (status === 595 || status === 596 || status === 599 || status === 502 || status === 503 || status === 504) return "unreachable";
  if (status === 400) return "parameter";
  return meanings.find(([text_]) => text_.test(text))?.[1] ?? "failed";
}

/** Whether the same request may succeed a moment later, without anybody changing anything. */
export const passes = (kind: PveFailure): boolean => kind === "unreachable" || kind === "busy" || kind === "locked" || kind === "quorum";

const hints: Readonly<Partial<Record<PveFailure, string>>> = {
  login: "Check the token or password of the Proxmox agent; a ticket expires after two hours, a token when its owner says so.",
  right: "Give the agent's user or token the privilege that is named (Datacenter, Permissions), or leave the field out.",
  locked:
    "Somebody else works on it; it is tried again. A lock that a killed task left is removed on the node: pct unlock ID, or qm unlock ID.",
  busy: "The node has more to do than it has workers for; it is tried again.",
  quorum: "More than half of the cluster's nodes have to see each other before it accepts changes.",
  changed: "Somebody else changed it meanwhile; plan anew.",
};

/** A failure as a problem: what could not be done, what Proxmox VE said, what to do. */
export function problemOfPve(failure: PveError, what: string): Problem {
  const wrong = Object.entries(failure.parameters).map(([name, text]) => `${name}: ${text.trim()}`);
  return error(`pve/${failure.kind}`, `Unable to ${what}: ${wrong.length === 1 ? wrong[0] : failure.message}`, {
    ...(wrong.length > 1 ? { detail: wrong.join("\n") } : {}),
    ...(hints[failure.kind] === undefined ? {} : { hint: hints[failure.kind] }),
    retry: passes(failure.kind) ? "later" : "never",
  });
}
