import type { CommandView } from "../../schemas/api.ts";
import type { Caller } from "../loop/controller.ts";
import type { Conversation } from "./conversation.ts";
import type { Proposal } from "./propose.ts";
import { nameList } from "./questions/say.ts";
import { redact } from "./redact.ts";
import { createReader } from "./reader.ts";
import { change, type ConverseOptions } from "./respond.ts";
import { settle } from "./settle.ts";
import type { Asked } from "./understand.ts";

/** What a command was, for a later yes. */
export interface Command {
  view: CommandView;
  readonly caller: Caller;
  readonly conversation: Conversation;
  readonly asked: Omit<Asked, "known" | "reader">;
  proposal?: Proposal | undefined;
  readonly at: string;
}

/** Looks again before anything is written: hosts, conditions and manifests may have moved. The new view where what was shown no longer holds. */
export async function reconsider(command: Command, shown: CommandView, options: ConverseOptions): Promise<CommandView | undefined> {
  const { conversation, asked, proposal } = command;
  const known = await options.context.know(conversation.bindings),
    fresh: Asked = {
      ...asked,
      known,
      reader: createReader(options.controller, known, command.caller),
      options: { ...asked.options, dryRun: false },
    };
  const next = await change(proposal!.intent, { asked: fresh, conversation, at: command.at, options }, { notes: [] });
  const { proposal: again, problems, ...rest } = next;
  if (again !== undefined && same(again, proposal!)) {
    command.proposal = again;
    return undefined;
  }
  command.proposal = again;
  return { ...shown, ...rest, problems: problems ?? [], text: `Since this was shown, things changed. Look again:\n\n${rest.text}` };
}

const same = (a: Proposal, b: Proposal): boolean =>
  JSON.stringify(a.changes.map(({ id, summary, risk }) => [id, summary, risk])) ===
    JSON.stringify(b.changes.map(({ id, summary, risk }) => [id, summary, risk])) &&
  a.hosts.join() === b.hosts.join() &&
  a.compiled.touched.join() === b.compiled.touched.join();

/** Commits what was shown, with its trailers, and has it run as far as the caller may. */
export async function carryOut(command: Command, caller: Caller, { controller, context }: ConverseOptions): Promise<CommandView> {
  const proposal = command.proposal!;
  const { commit } = await controller.commit(
    proposal.edits,
    { message: subject(proposal), request: redact(command.view.command), source: proposal.intent.source, tainted: proposal.intent.taint },
    command.caller,
  );
  context.forget(proposal.hosts);
  const settled = await settle(controller, proposal, caller);
  const { digest: _digest, ...view } = command.view;
  return {
    ...view,
    status: settled.status,
    commit,
    ...(settled.digest === undefined ? {} : { digest: settled.digest }),
    ...(settled.run === undefined ? {} : { run: settled.run }),
    ...(settled.waiting === undefined ? {} : { waiting: settled.waiting }),
  };
}

/** Such as `service.restart nginx on web-01, web-02`. */
function subject({ intent, hosts }: Proposal): string {
  const steps = intent.steps.map(({ action, params }) =>
    `${action} ${["service", "package", "domain", "key"].map((key) => params[key]).filter((value) => typeof value === "string")[0] ?? ""}`.trim(),
  );
  return `${[...new Set(steps)].join(", ")} on ${nameList(hosts, 4)}`.slice(0, 200);
}
