import Type from "typebox";
import type { Metrics } from "../metrics.ts";
import { type Route, type RouteContext, route } from "../route.ts";

const Answer = Type.Object({ ok: Type.Boolean() });

/** Whether the process lives, whether it can be asked, its figures. */
export const healthRoutes = ({ controller }: RouteContext, metrics: Metrics): Route[] => [
  route({
    method: "GET",
    url: "/healthz",
    tag: "health",
    summary: "Whether the controller lives",
    answer: Answer,
    handle: () => ({ ok: true }),
  }),
  route({
    method: "GET",
    url: "/readyz",
    tag: "health",
    summary: "Whether the controller can be asked: 503 while it starts or stops",
    answer: Answer,
    handle: ({ reply }) => {
      const ok = controller.ready();
      void reply.code(ok ? 200 : 503);
      return { ok };
    },
  }),
  route({
    method: "GET",
    url: "/metrics",
    tag: "health",
    summary: "Figures for Prometheus",
    handle: async ({ reply }) => {
      void reply.type(metrics.registry.contentType);
      return metrics.registry.metrics();
    },
  }),
];
