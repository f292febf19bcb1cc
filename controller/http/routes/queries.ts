import { QueryRequest, QueryView } from "../../../schemas/api.ts";
import { type ErrorObject, Ajv2020 } from "ajv/dist/2020.js";
import { ProblemError } from "../../../schemas/problem.ts";
import { probes } from "../../../schemas/verbs/index.ts";
import { mayAsk } from "../may-ask.ts";
import { type Route, type RouteContext, route } from "../route.ts";
import { statusOf } from "../problem.ts";
import { requestProblems } from "../request-problem.ts";

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
      checkInput(body.probe, body.input);
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

const ajv = new Ajv2020({ strict: true, strictTypes: false, verbose: true }),
  fitting = new Map<string, ReturnType<typeof ajv.compile>>();

/** Says at once, in words, what an agent would refuse; a probe that this version does not know is told further on. */
function checkInput(probe: string, input: unknown): void {
  const known = Object.values(probes).find(({ name }) => name === probe);
  if (known === undefined) return;
  let fits = fitting.get(probe);
  if (fits === undefined) fitting.set(probe, (fits = ajv.compile(known.input)));
  if (!fits(input))
    throw new ProblemError(requestProblems((fits.errors ?? []) as ErrorObject[], `the input of the probe ${probe}`, "invalid/probe-input"));
}
