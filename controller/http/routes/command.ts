import Type, { type Static } from "typebox";
import { AskRequest, CommandResults, CommandView, DecisionRequest } from "../../../schemas/api.ts";
import { error, ProblemError } from "../../../schemas/problem.ts";
import type { Caller, Controller } from "../../loop/controller.ts";
import type { Converse } from "../command.ts";
import { type Route, type RouteContext, route } from "../route.ts";
import { resultsOf, withRun } from "../command-results.ts";

const Id = Type.Object({ id: Type.String({ maxLength: 128 }) });

/** Sentences: the seed's `/api/command`, and the same under `/api/v1/intents`. */
export const commandRoutes = ({ controller, converse }: RouteContext): Route[] => [
  ...["/api/command", "/api/v1/intents"].map((url) =>
    route({
      method: "POST",
      url,
      tag: "command",
      summary: "A sentence: shows what it would do, or answers it; with requireConfirmation false it does it, as far as the caller may",
      body: AskRequest,
      answer: CommandView,
      handle: ({ body, caller, request }) =>
        interpreter(converse).ask(body.command, caller, {
          ...optionsOf(body),
          from: (request.headers["user-agent"] ?? "").startsWith("backend-ai/") ? "cli" : undefined,
        }),
    }),
  ),
  ...["/api/command/:id", "/api/v1/intents/:id"].map((url) =>
    route({
      method: "GET",
      url,
      tag: "command",
      summary: "What became of a sentence",
      params: Id,
      answer: CommandView,
      handle: ({ params, caller }) => found(params.id, caller, interpreter(converse), controller),
    }),
  ),
  route({
    method: "GET",
    url: "/api/command/:id/results",
    tag: "command",
    summary: "How a sentence's run stands, host by host",
    params: Id,
    answer: CommandResults,
    handle: async ({ params, caller }) => {
      const view = await found(params.id, caller, interpreter(converse), controller);
      return resultsOf(view, view.run === undefined ? undefined : await controller.run(view.run));
    },
  }),
  route({
    method: "POST",
    url: "/api/command/:id/confirm",
    tag: "command",
    summary: "Yes to what was shown",
    params: Id,
    answer: CommandView,
    handle: ({ params, caller }) => interpreter(converse).confirm(params.id, caller),
  }),
  route({
    method: "POST",
    url: "/api/command/:id/reject",
    tag: "command",
    summary: "No to what was shown",
    params: Id,
    body: DecisionRequest,
    answer: CommandView,
    handle: ({ params, body, caller }) => interpreter(converse).reject(params.id, caller, body.reason),
  }),
];

const optionsOf = ({ targetAgents, requireConfirmation = true, conversation, offline, dryRun }: Static<typeof AskRequest>) => ({
  targetAgents,
  requireConfirmation,
  conversation,
  offline,
  dryRun,
});

function interpreter(converse: Converse | undefined): Converse {
  if (converse !== undefined) return converse;
  throw new ProblemError(
    error("command/no-interpreter", "Unable to take a sentence: this controller has no interpreter of sentences", {
      hint: "Change manifests in the workspace instead.",
    }),
  );
}

async function found(id: string, caller: Caller, converse: Converse, controller: Controller): Promise<CommandView> {
  const view = await converse.get(id, caller);
  if (view === undefined)
    throw new ProblemError(
      error("not-found/command", `Unable to find the command ${id}: there is none of this id, or it is no longer kept`),
    );
  return view.run === undefined ? view : withRun(view, await controller.run(view.run));
}
