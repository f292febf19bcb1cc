import type { Problem } from "../../schemas/problem.ts";
import type { Page, PageRequest } from "./store.ts";

/** Who did what about what. `detail` is JSON and never holds a secret. */
export interface NewAuditEntry {
  readonly at: number;
  readonly who: string;
  readonly what: string;
  readonly about: string;
  readonly detail?: unknown;
}

/** An entry in the chain: `hash` is the SHA-256 (hex) over `prev` and the canonical JSON of {n, at, who, what, about, detail}. */
export interface AuditEntry extends NewAuditEntry {
  readonly n: number;
  readonly prev: string;
  readonly hash: string;
}

/** A link of the chain by its number. */
export interface AuditHead {
  readonly n: number;
  readonly hash: string;
}

export type AuditFault = "changed" | "missing" | "reordered" | "truncated";

export interface AuditFinding {
  readonly n: number;
  readonly fault: AuditFault;
  readonly problem: Problem;
}

/** What a check of the whole chain found: the first 100 faults. */
export interface AuditVerdict {
  readonly ok: boolean;
  readonly entries: number;
  readonly head: AuditHead;
  readonly findings: readonly AuditFinding[];
}

/** The append-only trail of who asked, decided and did what. Entries are numbered from 1 without holes. */
export interface AuditStore {
  append(entry: NewAuditEntry): Promise<AuditEntry>;
  list(request?: PageRequest & { readonly about?: string | undefined }): Promise<Page<AuditEntry>>;
  verify(): Promise<AuditVerdict>;
}
