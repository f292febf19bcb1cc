import { createHash } from "node:crypto";
import { canonicalJson } from "../../schemas/canonical.ts";
import { error } from "../../schemas/problem.ts";
import type { AuditEntry, AuditFault, AuditFinding, AuditHead, AuditVerdict, NewAuditEntry } from "./audit.ts";

/** Where every chain begins. */
export const genesis: AuditHead = { n: 0, hash: "0".repeat(64) };

const maxFindings = 100;

/** SHA-256 (hex) over the previous hash and the canonical JSON of {n, at, who, what, about, detail}. */
export function entryHash(prev: string, n: number, { at, who, what, about, detail }: NewAuditEntry): string {
  return createHash("sha256").update(prev).update(canonicalJson({ n, at, who, what, about, detail })).digest("hex");
}

/** The entry that follows a head. */
export const chained = (head: AuditHead, entry: NewAuditEntry): AuditEntry => ({
  ...entry,
  n: head.n + 1,
  prev: head.hash,
  hash: entryHash(head.hash, head.n + 1, entry),
});

const sentences: Readonly<Record<AuditFault, (n: number) => string>> = {
  changed: (n) => `Entry ${n} is not what was written: it, or the link to the one before, was changed`,
  missing: (n) => `Entry ${n} is missing`,
  reordered: (n) => `Entry ${n} is in the wrong place: it was written as another number`,
  truncated: (n) => `The end is missing: the trail once reached at least entry ${n}`,
};

const finding = (fault: AuditFault, n: number): AuditFinding => ({
  n,
  fault,
  problem: error(`audit/${fault}`, sentences[fault](n), { hint: 'Compare the trail with a backup: docs/operating.md, section "Audit"' }),
});

/**
 * Checks a chain entry by entry, in order of their numbers. `writtenAs(prev)` answers under which number the entry after
 * the hash `prev` was written; `anchors` are heads that were noted elsewhere: the chain has to reach and contain them.
 */
export function auditCheck(
  writtenAs: (prev: string) => number | undefined,
  anchors: readonly AuditHead[],
): { see(entry: AuditEntry): void; verdict(): AuditVerdict } {
  const findings: AuditFinding[] = [];
  let head = genesis,
    entries = 0,
    faulty = -1;
  const report = (fault: AuditFault, n: number): void => {
    faulty = n;
    if (findings.length < maxFindings) findings.push(finding(fault, n));
  };
  return {
    see(entry) {
      entries += 1;
      for (let n = head.n + 1; n < entry.n && findings.length < maxFindings; n += 1) report("missing", n);
      const sound = entryHash(entry.prev, entry.n, entry) === entry.hash,
        linked = entry.prev === head.hash || entry.n !== head.n + 1;
      if (!sound) {
        const other = writtenAs(entry.prev);
        report(
          other !== undefined && other !== entry.n && entryHash(entry.prev, other, entry) === entry.hash ? "reordered" : "changed",
          entry.n,
        );
      } else if (!linked && faulty !== head.n) report("changed", Math.max(1, head.n));
      else if (anchors.some((anchor) => anchor.n === entry.n && anchor.hash !== entry.hash)) report("changed", entry.n);
      head = { n: entry.n, hash: entry.hash };
    },
    verdict() {
      const reached = Math.max(0, ...anchors.map((anchor) => anchor.n));
      if (reached > head.n) report("truncated", reached);
      return { ok: findings.length === 0, entries, head, findings };
    },
  };
}
