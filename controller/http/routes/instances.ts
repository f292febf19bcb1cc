import Type from "typebox";
import { FactsView, InstanceView, instanceStates, pageOf } from "../../../schemas/api.ts";
import { oneOf } from "../../../schemas/one-of.ts";
import { pageQuery, pieceOf } from "../paging.ts";
import { type Route, type RouteContext, route } from "../route.ts";

const Id = Type.Object({ id: Type.String({ description: "Kind/name@host, URL-encoded" }) });

/** Resources on hosts, and the facts about them. */
export const instanceRoutes = ({ controller }: RouteContext): Route[] => [
  route({
    method: "GET",
    url: "/api/v1/instances",
    tag: "manifests",
    summary: "Resources on hosts, by id",
    query: Type.Object({
      ...pageQuery,
      kind: Type.Optional(Type.String()),
      host: Type.Optional(Type.String()),
      state: Type.Optional(oneOf(instanceStates)),
    }),
    answer: pageOf(InstanceView),
    handle: ({ query }) => {
      const all = controller.resources(query.kind).flatMap((resource) => resource.instances);
      const wanted = all.filter(
        (one) => (query.host === undefined || one.host === query.host) && (query.state === undefined || one.state === query.state),
      );
      return pieceOf(wanted, (one) => one.id, query);
    },
  }),
  route({
    method: "GET",
    url: "/api/v1/instances/:id",
    tag: "manifests",
    summary: "A resource on one host",
    params: Id,
    answer: InstanceView,
    handle: ({ params }) => controller.instance(params.id),
  }),
  route({
    method: "GET",
    url: "/api/v1/facts/:id",
    tag: "manifests",
    summary: "What was last observed of a resource on a host",
    params: Id,
    answer: FactsView,
    handle: ({ params }) => {
      const { id, observedAt, fact } = controller.instance(params.id);
      return { instance: id, observedAt, fact };
    },
  }),
];
