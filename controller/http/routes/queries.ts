import { QueryRequest, QueryView } from "../../../schemas/api.ts";
import { ProblemError } from "../../../schemas/problem.ts";
import { mayAsk } from "../may-ask.ts";
import { type Route, type RouteContext, route } from "../route.ts";
import { statusOf } from "../problem.ts";

/** Read-only questions to an agent. The audit trail keeps who looked at what. */
export const queryRoutes = ({ controller }: RouteContext): Route[] => [
  route({
    method: "POST",
    url: "/api/v1/queries",
    tag: "hosts",
    summary: "Asks one probe of one host; a host that cannot answer is an answer with a problem",
    body: QueryRequest,
    answer: QueryView,
    handle: async ({ body, caller }) => {
      mayAsk(caller, body.host, body.probe, body.input, () => controller.resources("File"));
      await controller.note(caller.name, "query", body.host, { probe: body.probe, input: body.input });
      try {
        return { host: body.host, value: await controller.query(body.host, body.probe, body.input, body.timeoutMs) };
      } catch (cause) {
        if (cause instanceof ProblemError && cause.problems[0] !== undefined && statusOf(cause.problems[0]) >= 500)
          return { host: body.host, problem: cause.problems[0] };
        throw cause;
      }
    },
  }),
];
