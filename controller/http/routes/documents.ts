import type { Installer } from "../api.ts";
import { error, ProblemError } from "../../../schemas/problem.ts";
import { type Route, route } from "../route.ts";

/** The API's own description, and the script that installs an agent. */
export const documentRoutes = (document: () => unknown, installer: Installer | undefined): Route[] => [
  route({ method: "GET", url: "/api/openapi.json", tag: "health", summary: "This document (OpenAPI 3.1)", handle: () => document() }),
  route({
    method: "GET",
    url: "/install-agent.sh",
    tag: "hosts",
    summary: "The script that installs an agent; `enrol` prints how to use it",
    handle: ({ reply }) => {
      const where = installer?.();
      if (where === undefined)
        throw new ProblemError(
          error("not-found/installer", "Unable to serve the installer: the agents' port serves it", {
            hint: "`backend-ai enrol` prints its address.",
          }),
        );
      if ("redirect" in where) return reply.redirect(where.redirect, 302);
      void reply.type("text/x-shellscript; charset=utf-8");
      return where.script;
    },
  }),
];
