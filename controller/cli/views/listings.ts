import type { EventView, TokenView } from "../../../schemas/api.ts";
import type { AuditListed, AuditVerdictView, PlanListed } from "../client.ts";
import type { Paint } from "../paint.ts";
import { shortId } from "./plan.ts";
import { tableView } from "./table.ts";
import { timeText } from "./time.ts";

/** One event in one line. */
export const eventView = (event: EventView, paint: Paint): string =>
  `${paint("dim", timeText(event.at))}  ${paint("info", event.type.padEnd(16))}  ${event.text}${event.about === undefined || event.text.includes(event.about) ? "" : paint("dim", `  ${event.about}`)}`;

export const eventsView = (events: readonly EventView[], paint: Paint): string =>
  events.length === 0 ? paint("dim", "No events yet.") : events.map((event) => eventView(event, paint)).join("\n");

/** The audit trail, newest first. */
export const auditView = (entries: readonly AuditListed[], paint: Paint): string =>
  tableView(
    ["N", "AT", "WHO", "WHAT", "ABOUT"],
    entries.map((entry) => [String(entry.n), timeText(entry.at), entry.who, entry.what, entry.about]),
    paint,
    "The audit trail is empty.",
  );

/** What a check of the audit chain found. */
export const verdictView = ({ ok, entries, head, findings }: AuditVerdictView, paint: Paint): string =>
  ok
    ? `${paint("good", "The audit chain is whole:")} ${entries} entries, the last one ${head.n} ${shortId(head.hash)}.`
    : [
        `${paint("bad", "The audit chain is broken:")} ${findings.length} findings in ${entries} entries.`,
        ...findings.map(({ n, fault, problem }) => `  entry ${n} ${fault}: ${problem.summary}`),
      ].join("\n");

/** API tokens, without their secrets. */
export const tokensView = (tokens: readonly TokenView[], paint: Paint): string =>
  tableView(
    ["ID", "NAME", "ROLE", "MADE", "BY", "EXPIRES", "STATE"],
    tokens.map((token) => [
      token.id,
      token.name,
      token.role,
      timeText(token.createdAt),
      token.createdBy,
      token.expiresAt === undefined ? "never" : timeText(token.expiresAt),
      token.revokedAt === undefined ? "valid" : paint("bad", "revoked"),
    ]),
    paint,
    "No tokens.",
  );

/** Plans with their decisions, newest first. */
export const plansView = (plans: readonly PlanListed[], paint: Paint): string =>
  tableView(
    ["PLAN", "STATE", "RISK", "CHANGES", "MADE", "DECIDED BY"],
    plans.map((plan) => [
      shortId(plan.digest),
      plan.state,
      plan.risk ?? "",
      String(plan.changes),
      timeText(plan.madeAt),
      plan.decision?.by ?? "",
    ]),
    paint,
    "No plan waits.",
  );
