import { type Role, roles } from "../../schemas/api.ts";

/** What a route asks of its caller: a role or a higher one, or nothing at all. */
export type Access = Role | "public";

/** Which role each route needs: viewers read, operators plan, commit, ask, import and query, approvers decide, admins let in and out. A route that is not here does not start. */
export const accessOf: Readonly<Record<string, Access>> = {
  "GET /healthz": "public",
  "GET /readyz": "public",
  "GET /install-agent.sh": "public",
  "GET /api/openapi.json": "public",
  "GET /metrics": "viewer",

  "GET /api/v1/me": "viewer",
  "GET /api/v1/status": "viewer",
  "GET /api/v1/manifests": "viewer",
  "GET /api/v1/manifests/:kind/:name": "viewer",
  "GET /api/v1/files": "viewer",
  "GET /api/v1/instances": "viewer",
  "GET /api/v1/instances/:id": "viewer",
  "GET /api/v1/facts/:id": "viewer",
  "GET /api/v1/hosts": "viewer",
  "GET /api/v1/hosts/:host": "viewer",
  "GET /api/v1/agents": "viewer",
  "GET /api/v1/drift": "viewer",
  "GET /api/v1/plans": "viewer",
  "GET /api/v1/plans/:digest": "viewer",
  "GET /api/v1/approvals": "viewer",
  "GET /api/v1/runs": "viewer",
  "GET /api/v1/runs/:id": "viewer",
  "GET /api/v1/runs/:id/events": "viewer",
  "GET /api/v1/events": "viewer",
  "GET /api/v1/audit": "viewer",
  "GET /api/v1/intents/:id": "viewer",
  "GET /api/agents": "viewer",
  "GET /api/command/:id": "viewer",
  "GET /api/command/:id/results": "viewer",

  "POST /api/v1/plans": "operator",
  "POST /api/v1/previews": "operator",
  "POST /api/v1/commits": "operator",
  "POST /api/v1/imports": "operator",
  "POST /api/v1/undo": "operator",
  "POST /api/v1/queries": "operator",
  "POST /api/v1/runs/:id/cancel": "operator",
  "GET /api/v1/audit/verify": "operator",
  "POST /api/v1/intents": "operator",
  "POST /api/command": "operator",
  "POST /api/command/:id/confirm": "operator",
  "POST /api/command/:id/reject": "operator",

  "POST /api/v1/plans/:digest/approve": "approver",
  "POST /api/v1/plans/:digest/reject": "approver",

  "POST /api/v1/enrol-tokens": "admin",
  "DELETE /api/v1/agents/:host": "admin",
  "POST /api/v1/backups": "admin",
  "GET /api/v1/tokens": "admin",
  "POST /api/v1/tokens": "admin",
  "DELETE /api/v1/tokens/:id": "admin",
};

/** Whether a role reaches the one that is needed. */
export const permits = (role: Role, needed: Role): boolean => roles.indexOf(role) >= roles.indexOf(needed);
