import type { Plan, Risk } from "../../../schemas/plan.ts";
import { error, ProblemError } from "../../../schemas/problem.ts";
import type { Decision, PlanRecord, PlanState, PlanStore, PlanSummary } from "../plans.ts";
import { orUndefined, page } from "./columns.ts";
import type { Database } from "./database.ts";

interface Row {
  n: number;
  digest: string;
  round: number;
  state: PlanState;
  commit_id: string;
  made_at: string;
  risk: Risk | null;
  changes: number;
  decision: Decision["decision"] | null;
  by: string;
  role: Decision["role"];
  at: number;
  reason: string | null;
}

const columns = `plans.n, plans.digest, plans.round, plans.state, commit_id, made_at, risk, changes, decision, by, role, at, reason
  FROM plans LEFT JOIN decisions ON decisions.digest = plans.digest AND decisions.round = plans.round`;

const summary = (row: Row): PlanSummary => ({
  digest: row.digest,
  round: row.round,
  state: row.state,
  commit: row.commit_id,
  madeAt: row.made_at,
  risk: row.risk,
  changes: row.changes,
  decision:
    row.decision === null
      ? undefined
      : { digest: row.digest, decision: row.decision, by: row.by, role: row.role, at: row.at, reason: orUndefined(row.reason) },
});

/** Plans and decisions in SQLite. */
export function sqlitePlans(db: Database): PlanStore {
  const find = (digest: string): Row | undefined => db.row<Row>(`SELECT ${columns} WHERE plans.digest = ?`, digest);
  const found = (digest: string): Row => find(digest) ?? unknownPlan(digest);

  const save = (plan: Plan): PlanSummary => {
    const old = find(plan.digest);
    if (old?.state === "running" || old?.state === "rejected") return summary(old);
    if (old?.state === "pending" || old?.state === "approved") refresh(plan);
    else {
      if (old !== undefined) db.run("DELETE FROM plans WHERE digest = ?", plan.digest);
      insert(plan, (old?.round ?? 0) + 1);
    }
    return summary(found(plan.digest));
  };
  const refresh = (plan: Plan): void => {
    db.run(
      "UPDATE plans SET commit_id = ?, made_at = ?, risk = ?, changes = ?, plan = ? WHERE digest = ?",
      plan.commit,
      plan.madeAt,
      plan.risk,
      plan.changes.length,
      JSON.stringify(plan),
      plan.digest,
    );
  };
  const insert = (plan: Plan, round: number): void => {
    db.run(
      "INSERT INTO plans (digest, round, state, commit_id, made_at, risk, changes, plan) VALUES (?, ?, 'pending', ?, ?, ?, ?, ?)",
      plan.digest,
      round,
      plan.commit,
      plan.madeAt,
      plan.risk,
      plan.changes.length,
      JSON.stringify(plan),
    );
  };

  const decide = (decision: Decision): { first: boolean; decision: Decision } => {
    const row = found(decision.digest),
      standing = summary(row).decision;
    if (standing !== undefined) return { first: false, decision: standing };
    if (row.state !== "pending") throw new ProblemError(notPending(decision.digest, row.state));
    const { digest, by, role, at, reason } = decision;
    db.run(
      "INSERT INTO decisions (digest, round, decision, by, role, at, reason) VALUES (?, ?, ?, ?, ?, ?, ?)",
      digest,
      row.round,
      decision.decision,
      by,
      role,
      at,
      reason ?? null,
    );
    db.run("UPDATE plans SET state = ? WHERE digest = ?", decision.decision, digest);
    return { first: true, decision };
  };

  return {
    save: (plan) => db.write(() => save(plan)),
    get: (digest) =>
      db.read((): PlanRecord | undefined => {
        const row = find(digest),
          text = db.row<{ plan: string }>("SELECT plan FROM plans WHERE digest = ?", digest);
        return row === undefined || text === undefined ? undefined : { ...summary(row), plan: JSON.parse(text.plan) as Plan };
      }),
    move: (digest, from, to) =>
      db.write(
        () =>
          db.run(
            "UPDATE plans SET state = ? WHERE digest = ? AND state IN (SELECT value FROM json_each(?))",
            to,
            digest,
            JSON.stringify(from),
          ) > 0,
      ),
    decide: (decision) => db.write(() => decide(decision)),
    list: (request) =>
      db.read(() => {
        const states = JSON.stringify(request?.states ?? null);
        const rows = (below: number, count: number): Row[] =>
          db.rows<Row>(
            `SELECT ${columns} WHERE plans.n < ? AND (? = 'null' OR state IN (SELECT value FROM json_each(?))) ORDER BY plans.n DESC LIMIT ?`,
            below,
            states,
            states,
            count,
          );
        return page(request, rows, (row) => row.n, summary);
      }),
  };
}

function unknownPlan(digest: string): never {
  throw new ProblemError(error("not-found/plan", `Unable to find plan ${digest}: it is not stored`));
}

const notPending = (digest: string, state: PlanState) =>
  error(
    "conflict/plan-not-pending",
    `Unable to decide about plan ${digest}: it is ${state}`,
    state === "superseded" ? { hint: "A newer plan took its place: decide about that one" } : {},
  );
