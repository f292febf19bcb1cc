import type { FastifyDynamicSwaggerOptions } from "@fastify/swagger";
import type { FastifySchema } from "fastify";
import Type from "typebox";
import { ProblemBody } from "../../schemas/api.ts";
import type { Access } from "./access.ts";
import type { Route } from "./route.ts";

const tags: Readonly<Record<string, string>> = {
  status: "How everything stands",
  manifests: "Desired state: what the workspace says, and how it stands on hosts",
  plans: "Plans, and the decisions about them",
  runs: "Executions of plans",
  hosts: "Hosts and their agents",
  drift: "Differences that appeared with no change of the manifests",
  events: "What happens, as it happens",
  command: "Sentences",
  audit: "Who asked, decided and did what",
  tokens: "Who gets in",
  health: "For machines that watch the controller",
};

/** The frame of the OpenAPI 3.1 document. */
export const documentOptions = (version: string): FastifyDynamicSwaggerOptions => ({
  openapi: {
    openapi: "3.1.0",
    info: {
      title: "Backend AI",
      version,
      description: "Everything that the command line does. Problems are RFC 9457 with our own in `problems`.",
    },
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer", description: "A token made by `backend-ai token create`" } },
    },
  },
});

/** What the document says about a route beside its request: what it is for, which role it needs, what it answers. */
export function routeDocument(route: Route, needed: Access): FastifySchema {
  const failure = { description: "A problem (RFC 9457)", content: { "application/problem+json": { schema: ProblemBody } } };
  const good =
    route.answer === undefined
      ? route.status === 204
        ? { description: "Done", type: "null" }
        : { description: "Text", ...Type.String() }
      : { description: route.summary, ...route.answer };
  return {
    tags: [route.tag],
    summary: route.summary,
    operationId: `${route.method.toLowerCase()}${route.url.replaceAll(/[^A-Za-z]+(.)?/g, (_, letter: string | undefined) => (letter ?? "").toUpperCase())}`,
    ...(needed === "public" ? {} : { description: `Needs the role ${needed}.`, security: [{ token: [needed] }] }),
    response: { [route.status ?? 200]: good, "4xx": failure, "5xx": failure },
  };
}
