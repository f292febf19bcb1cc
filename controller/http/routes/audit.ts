import Type from "typebox";
import { pageOf } from "../../../schemas/api.ts";
import { PageQuery } from "../paging.ts";
import { type Route, type RouteContext, route } from "../route.ts";

const Entry = Type.Object({
  n: Type.Integer(),
  at: Type.String(),
  who: Type.String(),
  what: Type.String(),
  about: Type.String(),
  detail: Type.Optional(Type.Unknown()),
  prev: Type.String(),
  hash: Type.String(),
});
const Verdict = Type.Object({
  ok: Type.Boolean(),
  entries: Type.Integer(),
  head: Type.Object({ n: Type.Integer(), hash: Type.String() }),
  findings: Type.Array(Type.Object({ n: Type.Integer(), fault: Type.String(), problem: Type.Unknown() })),
});

/** The chain of who asked, decided and did what. */
export const auditRoutes = ({ controller }: RouteContext): Route[] => [
  route({
    method: "GET",
    url: "/api/v1/audit",
    tag: "audit",
    summary: "The audit trail, newest first",
    query: PageQuery,
    answer: pageOf(Entry),
    handle: async ({ query }) => {
      const page = await controller.audit(query);
      return { ...page, items: page.items.map((entry) => ({ ...entry, at: new Date(entry.at).toISOString() })) };
    },
  }),
  route({
    method: "GET",
    url: "/api/v1/audit/verify",
    tag: "audit",
    summary: "Checks the whole chain: finds a changed or missing entry",
    answer: Verdict,
    handle: () => controller.verifyAudit(),
  }),
];
