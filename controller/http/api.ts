import { randomUUID } from "node:crypto";
import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import swagger from "@fastify/swagger";
import fastify, { type FastifyInstance } from "fastify";
import { error, ProblemError } from "../../schemas/problem.ts";
import { networkOf } from "../hub/failures.ts";
import type { Caller } from "../loop/controller.ts";
import { accessOf } from "./access.ts";
import { bearer, type CallerRules, callerFor, shownBy } from "./caller.ts";
import { checkRequests, requestSchema } from "./check.ts";
import type { StreamTimes } from "./event-stream.ts";
import { createMetrics, type Metrics, measureRequests, measureState } from "./metrics.ts";
import { documentOptions, routeDocument } from "./openapi.ts";
import { isBug, problemBody, problemsOf } from "./problem.ts";
import type { Route, RouteContext } from "./route.ts";
import { allRoutes } from "./routes/index.ts";

declare module "fastify" {
  interface FastifyRequest {
    caller: Caller | undefined;
  }
}

/** Where `/install-agent.sh` is: at another address (the hub's), or the script itself. */
export type Installer = () => { readonly redirect: string } | { readonly script: string };

export interface ApiConfig extends CallerRules {
  readonly version: string;
  /** Certificate and key (PEM), where the API speaks TLS itself. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** Requests that one token, or one address without a good token, may send in a minute; 6 000 where not said. */
  readonly requestsPerMinute?: number | undefined;
  readonly streams?: StreamTimes | undefined;
}

export interface ApiParts extends RouteContext {
  readonly config: ApiConfig;
  readonly metrics?: Metrics | undefined;
  readonly installer?: Installer | undefined;
}

/** The HTTP API over a controller; it listens nowhere yet (`listen`). Closing it ends its streams. */
export async function createApi(parts: ApiParts): Promise<FastifyInstance> {
  const { config, controller, log, metrics = createMetrics() } = parts;
  const app = createServer(config);
  app.decorateRequest("caller", undefined);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "string" }, app.getDefaultJsonParser("error", "error"));
  checkRequests(app);
  answerProblems(app, parts);
  measureState(metrics, () => controller.status());
  measureRequests(metrics, app);
  await app.register(helmet, {
    hsts: config.tls !== undefined,
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
  });
  // Before any route's own check: who guesses tokens, or shows another one each time, is counted by address.
  app.addHook("onRequest", async (request) => void (request.caller = await shownBy(request, controller)));
  await app.register(rateLimit, { global: false });
  app.addHook(
    "onRequest",
    app.rateLimit({
      max: config.requestsPerMinute ?? 6000,
      timeWindow: 60_000,
      keyGenerator: (request) => (request.caller === undefined ? networkOf(request.ip) : (bearer(request)?.slice(0, 24) ?? "")),
      errorResponseBuilder: (_request, { after }) => tooMany(after),
    }),
  );
  await app.register(swagger, documentOptions(config.version));
  const streams = config.streams ?? { heartbeat: 15_000, drain: 30_000 };
  for (const route of allRoutes(parts, { metrics, streams, installer: parts.installer, document: () => app.swagger() }))
    register(app, route, parts);
  await app.ready();
  log.debug({ routes: Object.keys(accessOf).length }, "The API is ready");
  return app;
}

function createServer({ tls }: ApiConfig): FastifyInstance {
  const options = {
    logger: false,
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    bodyLimit: 64 * 1024,
    requestTimeout: 60_000,
    keepAliveTimeout: 75_000,
    genReqId: () => randomUUID(),
    routerOptions: { maxParamLength: 512 },
  } as const;
  return tls === undefined
    ? fastify(options)
    : (fastify({ ...options, https: { ...tls, minVersion: "TLSv1.2" } }) as unknown as FastifyInstance);
}

function register(app: FastifyInstance, route: Route, { config }: ApiParts): void {
  const needed = accessOf[`${route.method} ${route.url}`];
  if (needed === undefined) throw new Error(`Unable to serve ${route.method} ${route.url}: the table of roles does not name it`);
  app.route({
    method: route.method,
    url: route.url,
    ...(route.bodyLimit === undefined ? {} : { bodyLimit: route.bodyLimit }),
    schema: { ...requestSchema(route), ...routeDocument(route, needed) },
    onRequest: async (request) => void (request.caller = callerFor(request, needed, request.caller, config)),
    // A POST without a body says the same as one with an empty object.
    preValidation: async (request) => void (route.body !== undefined && request.body === undefined && (request.body = {})),
    handler: async (request, reply) => {
      if (route.status !== undefined) void reply.code(route.status);
      const asked = { params: request.params, query: request.query, body: request.body, caller: request.caller, request, reply };
      const answer = await route.handle(asked as never);
      if (reply.sent) return reply;
      if (answer === undefined) return reply.send();
      return typeof answer === "string" ? answer : reply.type("application/json; charset=utf-8").send(JSON.stringify(answer));
    },
  });
}

function answerProblems(app: FastifyInstance, { log }: ApiParts): void {
  app.setErrorHandler((cause, request, reply) => {
    const problems = problemsOf(cause),
      body = problemBody(problems, request.id);
    const fields = { request: request.id, method: request.method, route: request.routeOptions.url, status: body.status };
    if (isBug(problems)) log.error({ ...fields, err: cause }, "A request failed");
    else log.debug({ ...fields, code: problems[0]?.code }, "A request was answered with a problem");
    if (body.status === 401) void reply.header("www-authenticate", 'Bearer realm="backend-ai"');
    return reply.code(body.status).type("application/problem+json; charset=utf-8").send(JSON.stringify(body));
  });
  app.setNotFoundHandler((request) => {
    throw new ProblemError(
      error("not-found/route", `Unable to find ${request.method} ${request.url.split("?")[0]}: there is no such route`, {
        hint: "/api/openapi.json lists them all.",
      }),
    );
  });
}

const tooMany = (after: string): Error =>
  new ProblemError(error("rate/too-many", `Unable to answer: too many requests; try again in ${after}`, { retry: "later" }));
