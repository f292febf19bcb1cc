import Type from "typebox";
import { DriftView, pageOf } from "../../../schemas/api.ts";
import { pageQuery } from "../paging.ts";
import { type Route, type RouteContext, route } from "../route.ts";

/** Differences that appeared with no change of the manifests. */
export const driftRoutes = ({ controller }: RouteContext): Route[] => [
  route({
    method: "GET",
    url: "/api/v1/drift",
    tag: "drift",
    summary: "Drift alerts, newest first",
    query: Type.Object({
      ...pageQuery,
      open: Type.Optional(Type.Boolean({ description: "Only those that stand, as without it; false: closed ones too" })),
    }),
    answer: pageOf(DriftView),
    handle: ({ query }) => controller.drift(query),
  }),
];
