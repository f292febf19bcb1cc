import Type from "typebox";
import { pageOf, RunEventsView, UndoRequest, UndoView } from "../../../schemas/api.ts";
import { RunView } from "../../../schemas/run.ts";
import { PageQuery } from "../paging.ts";
import { type Route, type RouteContext, route } from "../route.ts";
import { journalAfter } from "../run-journal.ts";

const Id = Type.Object({ id: Type.String({ maxLength: 128 }) });
const RunState = Type.Object({
  id: Type.String(),
  digest: Type.String(),
  state: Type.String(),
  by: Type.String(),
  startedAt: Type.String(),
  endedAt: Type.Optional(Type.String()),
  events: Type.Integer(),
});

/** Executions of plans. */
export const runRoutes = ({ controller }: RouteContext): Route[] => [
  route({
    method: "GET",
    url: "/api/v1/runs",
    tag: "runs",
    summary: "Runs, newest first",
    query: PageQuery,
    answer: pageOf(RunState),
    handle: ({ query }) => controller.runs(query),
  }),
  route({
    method: "GET",
    url: "/api/v1/runs/:id",
    tag: "runs",
    summary: "One run, step by step",
    params: Id,
    answer: RunView,
    handle: ({ params }) => controller.run(params.id),
  }),
  route({
    method: "GET",
    url: "/api/v1/runs/:id/events",
    tag: "runs",
    summary: "A run's journal from an event on; waits for something new",
    params: Id,
    query: Type.Object({
      after: Type.Optional(Type.Integer({ minimum: 0 })),
      waitMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 30_000 })),
    }),
    answer: RunEventsView,
    handle: ({ params, query, reply }) => {
      const gone = new AbortController();
      reply.raw.once("close", () => gone.abort());
      return journalAfter(controller, params.id, query.after ?? 0, query.waitMs ?? 0, gone.signal);
    },
  }),
  route({
    method: "POST",
    url: "/api/v1/runs/:id/cancel",
    tag: "runs",
    summary: "Lets steps under way end and starts no more",
    params: Id,
    status: 202,
    handle: async ({ params, caller }) => {
      await controller.cancelRun(params.id, caller);
      return controller.run(params.id);
    },
  }),
  route({
    method: "POST",
    url: "/api/v1/undo",
    tag: "runs",
    summary: "Edits that bring back what was before a run, with their plan; nothing is changed",
    body: UndoRequest,
    answer: UndoView,
    handle: ({ body }) => controller.undo(body.run),
  }),
];
