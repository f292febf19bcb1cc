import type { FastifyReply, FastifyRequest } from "fastify";
import type { Static, TSchema } from "typebox";
import type { BackupView } from "../../schemas/api.ts";
import type { Log } from "../hub/log.ts";
import type { Caller, Controller } from "../loop/controller.ts";
import type { Converse } from "./command.ts";

/** What routes are made of. */
export interface RouteContext {
  readonly controller: Controller;
  readonly log: Log;
  /** Absent while no interpreter of sentences is set up. */
  readonly converse?: Converse | undefined;
  /** Writes a backup into a new folder; absent where there is nothing to back up. */
  readonly backUp?: ((folder: string) => Promise<BackupView>) | undefined;
}

/** A request whose parts were checked against the route's schemas. */
export interface Asked<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly caller: Caller;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

interface Definition<Params extends TSchema, Query extends TSchema, Body extends TSchema> {
  readonly method: "GET" | "POST" | "DELETE";
  readonly url: string;
  readonly tag: string;
  readonly summary: string;
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  /** What it answers with, for the OpenAPI document. */
  readonly answer?: TSchema;
  readonly status?: number;
  /** Bytes of a body; 64 KiB where not said. */
  readonly bodyLimit?: number;
  /** Answers with a value that becomes JSON, or takes the reply over and returns it. */
  handle(asked: Asked<Static<Params>, Static<Query>, Static<Body>>): unknown;
}

/** A route as the table of them has it: its types are erased, its schemas are not. */
export type Route = Omit<Definition<TSchema, TSchema, TSchema>, "handle"> & { handle(asked: Asked<never, never, never>): unknown };

/** Declares a route: what `handle` is given has the types of the schemas beside it. */
export const route = <Params extends TSchema = TSchema, Query extends TSchema = TSchema, Body extends TSchema = TSchema>(
  definition: Definition<Params, Query, Body>,
): Route => definition as unknown as Route;
