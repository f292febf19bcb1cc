import { CallerView, StatusView } from "../../../schemas/api.ts";
import { type Route, type RouteContext, route } from "../route.ts";

/** How everything stands, and who asks. */
export const statusRoutes = ({ controller }: RouteContext): Route[] => [
  route({
    method: "GET",
    url: "/api/v1/status",
    tag: "status",
    summary: "How everything stands",
    answer: StatusView,
    handle: () => controller.status(),
  }),
  route({
    method: "GET",
    url: "/api/v1/me",
    tag: "status",
    summary: "Who the caller is",
    answer: CallerView,
    handle: ({ caller }) => caller,
  }),
];
