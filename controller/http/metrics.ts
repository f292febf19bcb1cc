import type { FastifyInstance } from "fastify";
import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { StatusView } from "../../schemas/api.ts";

/** The figures of one controller for Prometheus: a registry of its own, to which other parts add theirs. */
export interface Metrics {
  readonly registry: Registry;
}

/** A registry with the figures of the process. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: "backend_ai_" });
  return { registry };
}

/** Adds what is known when Prometheus asks: hosts, instances by state, open drift, whether the workspace's head is in force. */
export function measureState({ registry }: Metrics, status: () => StatusView): void {
  const gauge = (name: string, help: string, read: (status: StatusView) => number): void => {
    new Gauge({
      name: `backend_ai_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(read(status()));
      },
    });
  };
  gauge("hosts", "Hosts that have an agent", ({ hosts }) => hosts.all);
  gauge("hosts_online", "Hosts whose agent is connected", ({ hosts }) => hosts.online);
  gauge("drift_open", "Open drift alerts", ({ drift }) => drift);
  gauge("runs_running", "Runs under way", ({ running }) => running.length);
  gauge("workspace_problems", "Problems of the workspace's head", ({ problems }) => problems.length);
  gauge("plan_waits", "1 while a plan waits for approval", ({ pendingPlan }) => (pendingPlan === null ? 0 : 1));
  new Gauge({
    name: "backend_ai_instances",
    help: "Resources on hosts by state",
    labelNames: ["state"],
    registers: [registry],
    collect() {
      for (const [state, count] of Object.entries(status().instances)) this.set({ state }, count);
    },
  });
}

/** Times requests by route and status. */
export function measureRequests({ registry }: Metrics, app: FastifyInstance): void {
  const durations = new Histogram({
    name: "backend_ai_http_request_seconds",
    help: "Duration of API requests",
    labelNames: ["method", "route", "status"],
    registers: [registry],
    buckets: [0.002, 0.01, 0.05, 0.2, 1, 5, 30],
  });
  app.addHook("onResponse", async (request, reply) => {
    durations.observe(
      { method: request.method, route: request.routeOptions.url ?? "none", status: reply.statusCode },
      reply.elapsedTime / 1000,
    );
  });
}
