import { CallerView, StatusView } from "../../../schemas/api.ts";
import type { Controller } from "../../loop/controller.ts";
import { type Route, type RouteContext, route } from "../route.ts";

/** How everything stands, and who asks. */
export const statusRoutes = ({ controller }: RouteContext): Route[] => [
  route({
    method: "GET",
    url: "/api/v1/status",
    tag: "status",
    summary: "How everything stands",
    answer: StatusView,
    handle: async () => ({ ...controller.status(), ...(await uncommittedOf(controller)) }),
  }),
  route({
    method: "GET",
    url: "/api/v1/me",
    tag: "status",
    summary: "Who the caller is",
    answer: CallerView,
    handle: ({ caller: { name, role } }) => ({ name, role }),
  }),
];

/** How many names of uncommitted files a status tells. */
const mostFiles = 20;

/** A workspace that git cannot look through just now says nothing of it: everything else still stands. */
async function uncommittedOf(controller: Controller): Promise<Pick<StatusView, "uncommitted">> {
  const files = await controller.uncommitted().catch(() => []);
  return files.length === 0 ? {} : { uncommitted: { count: files.length, files: files.slice(0, mostFiles) } };
}
