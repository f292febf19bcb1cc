import Type from "typebox";
import { EnrolTokenRequest, EnrolTokenView, NewTokenView, TokenRequest, TokenView } from "../../../schemas/api.ts";
import { type Route, type RouteContext, route } from "../route.ts";

/** Tokens of the API, and join tokens for hosts. */
export const tokenRoutes = ({ controller }: RouteContext): Route[] => [
  route({
    method: "POST",
    url: "/api/v1/enrol-tokens",
    tag: "tokens",
    summary: "A join token for hosts",
    body: EnrolTokenRequest,
    answer: EnrolTokenView,
    status: 201,
    handle: ({ body, caller }) => controller.enrolToken(body, caller),
  }),
  route({
    method: "GET",
    url: "/api/v1/tokens",
    tag: "tokens",
    summary: "API tokens, without their secrets",
    answer: Type.Object({ items: Type.Array(TokenView) }),
    handle: async () => ({
      items: (await controller.apiTokens()).map(({ id, name, role, createdAt, createdBy, expiresAt, revokedAt }) => ({
        id,
        name,
        role,
        createdAt: time(createdAt),
        createdBy,
        expiresAt: time(expiresAt),
        revokedAt: time(revokedAt),
      })),
    }),
  }),
  route({
    method: "POST",
    url: "/api/v1/tokens",
    tag: "tokens",
    summary: "A new API token; its secret is shown this once",
    body: TokenRequest,
    answer: NewTokenView,
    status: 201,
    handle: ({ body, caller }) =>
      controller.createApiToken(body.name, body.role, body.expiresInMs === undefined ? undefined : Date.now() + body.expiresInMs, caller),
  }),
  route({
    method: "DELETE",
    url: "/api/v1/tokens/:id",
    tag: "tokens",
    summary: "Revokes an API token at once",
    params: Type.Object({ id: Type.String({ maxLength: 64 }) }),
    status: 204,
    handle: ({ params, caller }) => controller.revokeApiToken(params.id, caller),
  }),
];

const time = <T extends number | undefined>(ms: T): T extends number ? string : string | undefined =>
  (ms === undefined ? undefined : new Date(ms).toISOString()) as T extends number ? string : string | undefined;
