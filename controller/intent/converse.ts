import type { CommandView } from "../../schemas/api.ts";
import { error, ProblemError } from "../../schemas/problem.ts";
import type { Converse } from "../http/command.ts";
import { carryOut, type Command, reconsider } from "./carry-out.ts";
import { createConversations } from "./conversation.ts";
import { type ConverseOptions, respond } from "./respond.ts";
import { reachesRole } from "./settle.ts";
import { understand } from "./understand.ts";

const mostCommands = 1000;

/** Sentence -> context -> Claude or grammar -> Intent -> checks -> edits -> preview -> a person's yes -> commit -> approval -> run. */
export function createConverse(options: ConverseOptions): Converse {
  const { controller, newId, now } = options;
  const conversations = createConversations(newId, now),
    commands = new Map<string, Command>();
  const keep = (command: Command): void => {
    while (commands.size >= mostCommands) commands.delete(commands.keys().next().value!);
    commands.set(command.view.id, command);
  };
  const found = (id: string): Command => {
    const command = commands.get(id);
    if (command === undefined)
      throw new ProblemError(
        error("not-found/command", `There is no command ${id}`, {
          hint: "Commands are forgotten when the controller starts again; see: backend-ai runs",
        }),
      );
    return command;
  };

  const self: Converse = {
    async ask(sentence, caller, asking) {
      const conversation = conversations.open(asking.conversation, caller.name),
        at = new Date(now()).toISOString();
      const asked = await understand(sentence, conversation, asking, options);
      const outcome = await respond(asked, conversation, caller, at, options);
      const { proposal, problems, ...rest } = outcome;
      const view: CommandView = { id: newId(), command: sentence, conversation: conversation.id, problems: problems ?? [], ...rest };
      const command: Command = { view, caller, conversation, asked, proposal, at };
      keep(command);
      await controller.note(caller.name, "intent", view.id, { command: sentence.slice(0, 500), status: view.status, source: view.source });
      if (
        view.status !== "waiting-for-confirmation" ||
        asking.requireConfirmation ||
        conversation.taint.size > 0 ||
        !reachesRole(caller.role, "operator")
      )
        return view;
      return self.confirm(view.id, caller);
    },

    async confirm(id, caller) {
      const command = found(id);
      if (command.view.status !== "waiting-for-confirmation" || command.proposal === undefined)
        throw new ProblemError(error("conflict/command", `${id} does not wait for a yes: it is ${command.view.status}`));
      if (!reachesRole(caller.role, "operator"))
        throw new ProblemError(
          error("forbidden/role", `The role ${caller.role} may not change anything`, {
            hint: "An operator, approver or admin has to say yes.",
          }),
        );
      const shown = command.view;
      command.view = { ...shown, status: "running" };
      try {
        const again = await reconsider(command, shown, options);
        if (again !== undefined) return (command.view = again);
        command.view = await carryOut(command, caller, options);
      } catch (thrown) {
        command.view = {
          ...command.view,
          status: "failed",
          problems: thrown instanceof ProblemError ? [...thrown.problems] : [error("internal", "Unable to carry it out")],
        };
        throw thrown;
      }
      return command.view;
    },

    async reject(id, caller, reason) {
      const command = found(id);
      if (command.view.status !== "waiting-for-confirmation")
        throw new ProblemError(error("conflict/command", `${id} does not wait for a yes: it is ${command.view.status}`));
      if (command.caller.name !== caller.name && !reachesRole(caller.role, "operator"))
        throw new ProblemError(error("forbidden/role", `The role ${caller.role} may not decide about what others asked for`));
      command.view = { ...command.view, status: "cancelled" };
      options.claude?.tell(command.conversation.thread, `The person said no${reason === undefined ? "" : `: ${reason}`}.`);
      await controller.note(caller.name, "intent.reject", id, reason === undefined ? undefined : { reason });
      return command.view;
    },

    get: async (id) => commands.get(id)?.view,
  };
  return self;
}
