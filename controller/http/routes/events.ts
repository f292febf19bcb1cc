import type { FastifyRequest } from "fastify";
import Type from "typebox";
import { EventsView, type EventView } from "../../../schemas/api.ts";
import { error, ProblemError } from "../../../schemas/problem.ts";
import { ownerOf } from "../../loop/owner.ts";
import { accessOf, permits } from "../access.ts";
import { bearer } from "../caller.ts";
import { type StreamTimes, streamEvents } from "../event-stream.ts";
import { type Route, type RouteContext, route } from "../route.ts";

const Query = Type.Object({
  after: Type.Optional(Type.Integer({ minimum: 0, description: "Events with a higher number" })),
  last: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: "So many of the newest first" })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  type: Type.Optional(Type.String({ maxLength: 64, description: "Only this type, or types that begin with it and a dot" })),
  host: Type.Optional(Type.String({ maxLength: 255 })),
  about: Type.Optional(Type.String({ maxLength: 512 })),
});

/** Streams that one controller keeps open at a time, and those of one caller. */
const maxStreams = 256,
  maxOfCaller = 32;

/** What happens, as it happens: server-sent events, or a piece of the ring for who accepts JSON. */
export function eventRoutes({ controller }: RouteContext, times: StreamTimes): Route[] {
  const open = new Map<string, number>();
  const count = (name: string, more: 1 | -1): void => {
    const left = (open.get(name) ?? 0) + more;
    if (left === 0) open.delete(name);
    else open.set(name, left);
  };
  return [
    route({
      method: "GET",
      url: "/api/v1/events",
      tag: "events",
      summary: "Server-sent events, from Last-Event-ID or `after` on; with `Accept: application/json` a piece of them",
      query: Query,
      answer: EventsView,
      handle: async ({ query, request, reply, caller }) => {
        const wanted = filter(query);
        if ((request.headers.accept ?? "").includes("application/json")) {
          const piece =
            query.after === undefined
              ? { gap: false, ...(await controller.latestEvents(query.last ?? query.limit ?? 100)) }
              : await controller.events(query.after, query.limit ?? 100);
          return { ...piece, events: piece.events.filter(wanted) };
        }
        const all = open.values().reduce((sum, one) => sum + one, 0),
          mine = open.get(ownerOf(caller)) ?? 0;
        if (all >= maxStreams || mine >= maxOfCaller)
          throw new ProblemError(
            error(
              "events/too-many",
              `Unable to open another event stream: ${mine >= maxOfCaller ? `${caller.name} has ${mine}` : `${all} are`} open`,
              { retry: "later" },
            ),
          );
        const after = await startOf(request, query);
        count(ownerOf(caller), 1);
        void reply.hijack();
        reply.raw.writeHead(200, {
          ...plainHeaders(reply.getHeaders()),
          "content-type": "text/event-stream; charset=utf-8",
          "cache-control": "no-store",
          "x-accel-buffering": "no",
        });
        try {
          await streamEvents({ reply, controller, after, wanted, allowed: stillAllowed(request), times });
        } finally {
          count(ownerOf(caller), -1);
        }
        return reply;
      },
    }),
  ];

  async function startOf(request: FastifyRequest, query: { after?: number; last?: number }): Promise<number> {
    const said = request.headers["last-event-id"],
      id = typeof said === "string" && /^\d{1,15}$/.test(said) ? Number(said) : undefined;
    if (id !== undefined || query.after !== undefined) return id ?? query.after ?? 0;
    const newest = await controller.latestEvents(query.last ?? 1),
      first = newest.events[0];
    return query.last === undefined || first === undefined ? newest.last : first.n - 1;
  }

  function stillAllowed(request: FastifyRequest): () => Promise<boolean> {
    const secret = bearer(request),
      needed = accessOf["GET /api/v1/events"];
    return async () => {
      if (secret === undefined || needed === undefined || needed === "public") return true;
      const caller = await controller.callerOf(secret);
      return caller !== undefined && permits(caller.role, needed);
    };
  }
}

const filter =
  ({ type, host, about }: { type?: string; host?: string; about?: string }) =>
  (event: EventView): boolean =>
    (type === undefined || event.type === type || event.type.startsWith(`${type}.`)) &&
    (host === undefined || event.host === host) &&
    (about === undefined || event.about === about);

const plainHeaders = (headers: Record<string, number | string | string[] | undefined>): Record<string, number | string | string[]> =>
  Object.fromEntries(Object.entries(headers).filter((header): header is [string, number | string | string[]] => header[1] !== undefined));
