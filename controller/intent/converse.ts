import type { CommandView } from "../../schemas/api.ts";
import { error, ProblemError } from "../../schemas/problem.ts";
import type { AskOptions, Converse } from "../http/command.ts";
import type { Caller } from "../loop/controller.ts";
import { ownerOf } from "../loop/owner.ts";
import { carryOut, type Command, reconsider } from "./carry-out.ts";
import type { Conversation } from "./conversation.ts";
import { createConversations } from "./conversations.ts";
import { redact } from "./redact.ts";
import { type ConverseOptions, respond } from "./respond.ts";
import { reachesRole } from "./settle.ts";
import { targetsOf } from "./targets.ts";
import { understand } from "./understand.ts";

/** Commands that are kept, and sentences of one person that are worked on at a time. */
const mostCommands = 1000,
  mostAtOnce = 4;

/** Sentence -> context -> Claude or grammar -> Intent -> checks -> edits -> preview -> a person's yes -> commit -> approval -> run. */
export function createConverse(options: ConverseOptions): Converse {
  const { controller, newId, now } = options;
  const conversations = createConversations(options.store, newId, now),
    commands = new Map<string, Command>(),
    asking = new Map<string, number>();
  const keep = (command: Command): void => {
    while (commands.size >= mostCommands) commands.delete(commands.keys().next().value!);
    commands.set(command.view.id, command);
  };
  const found = (id: string, caller: Caller): Command => {
    const command = commands.get(id);
    if (command === undefined || !concerns(command, caller))
      throw new ProblemError(
        error("not-found/command", `There is no command ${id}`, {
          hint: "Commands are forgotten when the controller starts again; see: backend-ai runs",
        }),
      );
    return command;
  };

  /** Works on a sentence of a conversation while no other one of it is worked on, and not too many of its person. */
  async function oneAtATime(
    caller: Caller,
    id: string | undefined,
    work: (conversation: Conversation) => Promise<Command>,
  ): Promise<Command> {
    const owner = ownerOf(caller),
      now = asking.get(owner) ?? 0;
    if (now >= mostAtOnce)
      throw new ProblemError(
        error("rate/sentences", `Unable to take another sentence: ${now} of ${caller.name} are worked on`, { retry: "later" }),
      );
    asking.set(owner, now + 1);
    try {
      const conversation = await conversations.open(id, owner);
      if (conversation.busy)
        throw new ProblemError(
          error("conflict/conversation", "This conversation is still at work on the sentence before", { retry: "later" }),
        );
      return await alone(conversation, work);
    } finally {
      const left = (asking.get(owner) ?? 1) - 1;
      if (left === 0) asking.delete(owner);
      else asking.set(owner, left);
    }
  }

  /** What was said and read is on disk before anybody hears the answer: a taint must not be forgotten. */
  async function alone(conversation: Conversation, work: (conversation: Conversation) => Promise<Command>): Promise<Command> {
    conversation.busy = true;
    try {
      const command = await work(conversation);
      await conversations.save(conversation);
      return command;
    } catch (thrown) {
      await conversations.save(conversation).catch(() => undefined);
      throw thrown;
    } finally {
      conversation.busy = false;
    }
  }

  /** Lets Claude know, with the next sentence, what became of a proposal. If that cannot be kept, only this is lost. */
  const tell = async ({ conversation }: Command, what: string): Promise<void> => {
    options.claude?.tell(conversation.thread, what);
    await conversations.save(conversation).catch(() => undefined);
  };

  async function hear(sentence: string, caller: Caller, wishes: AskOptions, conversation: Conversation): Promise<Command> {
    const at = new Date(now()).toISOString(),
      asked = await understand(sentence, conversation, caller, wishes, options);
    const { proposal, problems, ...rest } = await respond({ asked, conversation, at, options }, caller);
    const view: CommandView = { id: newId(), command: sentence, conversation: conversation.id, problems: problems ?? [], ...rest };
    // What was known of the fleet is looked at anew before a yes: a thousand commands must not keep a thousand fleets.
    const { known: _known, reader: _reader, ...words } = asked;
    const command: Command = { view, caller, conversation, asked: words, proposal, at };
    keep(command);
    return command;
  }

  const self: Converse = {
    async ask(sentence, caller, said) {
      if (sentence.trim() === "") throw new ProblemError(error("invalid/command", "Unable to take the sentence: it is empty"));
      const wishes =
        said.targetAgents === undefined ? said : { ...said, targetAgents: targetsOf(said.targetAgents, controller.hosts().hosts) };
      const command = await oneAtATime(caller, wishes.conversation, (conversation) => hear(sentence, caller, wishes, conversation)),
        { view, conversation } = command;
      await controller.note(caller.name, "intent", view.id, {
        command: redact(sentence).slice(0, 500),
        status: view.status,
        source: view.source,
      });
      if (
        view.status !== "waiting-for-confirmation" ||
        wishes.requireConfirmation ||
        conversation.taint.size > 0 ||
        !reachesRole(caller.role, "operator")
      )
        return view;
      return self.confirm(view.id, caller);
    },

    async confirm(id, caller) {
      const command = found(id, caller);
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
        await tell(command, `The person said yes. It is ${command.view.status}.`);
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
      const command = found(id, caller);
      if (command.view.status !== "waiting-for-confirmation")
        throw new ProblemError(error("conflict/command", `${id} does not wait for a yes: it is ${command.view.status}`));
      command.view = { ...command.view, status: "cancelled" };
      await tell(command, `The person said no${reason === undefined ? "" : `: ${reason}`}.`);
      await controller.note(caller.name, "intent.reject", id, reason === undefined ? undefined : { reason });
      return command.view;
    },

    async get(id, caller) {
      const command = commands.get(id);
      return command !== undefined && concerns(command, caller) ? command.view : undefined;
    },
  };
  return self;
}

/** What somebody asked, and the texts of hosts that were read for it, are that person's and the admins' affair. */
const concerns = (command: Command, caller: Caller): boolean =>
  ownerOf(command.caller) === ownerOf(caller) || reachesRole(caller.role, "admin");
