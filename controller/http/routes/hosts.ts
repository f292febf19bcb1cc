import Type from "typebox";
import { HostSummary, pageOf } from "../../../schemas/api.ts";
import { pageQuery, pieceOf } from "../paging.ts";
import { type Route, type RouteContext, route } from "../route.ts";

const OneHost = Type.Object({ host: Type.String({ maxLength: 255 }) });
const HostQuery = Type.Object({
  ...pageQuery,
  on: Type.Optional(Type.String({ maxLength: 4096, description: "Only hosts that this selector picks" })),
});
const Hosts = Type.Object({
  ...pageOf(HostSummary).properties,
  unknown: Type.Array(Type.String(), { description: "Hosts of which it is not known whether the selector picks them" }),
});

/** Hosts and their agents. */
export const hostRoutes = ({ controller }: RouteContext): Route[] => [
  ...["/api/v1/hosts", "/api/v1/agents"].map((url) =>
    route({
      method: "GET",
      url,
      tag: "hosts",
      summary: "Hosts with their agents, by name",
      query: HostQuery,
      answer: Hosts,
      handle: ({ query }) => {
        const { hosts, unknown } = controller.hosts(query.on);
        return { ...pieceOf(hosts, (host) => host.name, query), unknown };
      },
    }),
  ),
  route({
    method: "GET",
    url: "/api/v1/hosts/:host",
    tag: "hosts",
    summary: "One host",
    params: OneHost,
    answer: HostSummary,
    handle: ({ params }) => controller.host(params.host),
  }),
  route({
    method: "DELETE",
    url: "/api/v1/agents/:host",
    tag: "hosts",
    summary: "Revokes a host's agent at once",
    params: OneHost,
    status: 204,
    handle: ({ params, caller }) => controller.revokeAgent(params.host, caller),
  }),
  route({
    method: "GET",
    url: "/api/agents",
    tag: "command",
    summary: "All agents",
    answer: Type.Object({ agents: Type.Array(HostSummary) }),
    handle: () => ({ agents: controller.hosts().hosts }),
  }),
];
