import type { AnyCommand } from "./command.ts";
import { agent } from "./commands/agent.ts";
import { ask } from "./commands/ask.ts";
import { audit } from "./commands/audit.ts";
import { completion } from "./commands/completion.ts";
import { context } from "./commands/context.ts";
import { controller, sandbox } from "./commands/controller.ts";
import { approve, reject } from "./commands/decisions.ts";
import { enrol } from "./commands/enrol.ts";
import { events } from "./commands/events.ts";
import { importResources } from "./commands/import.ts";
import { init } from "./commands/init.ts";
import { logs, ping, top } from "./commands/queries.ts";
import { reconcile } from "./commands/reconcile.ts";
import { describe, get } from "./commands/resources.ts";
import { runs } from "./commands/runs.ts";
import { agents, drift, status } from "./commands/status.ts";
import { token } from "./commands/tokens.ts";
import { undo } from "./commands/undo.ts";
import { validate } from "./commands/validate.ts";

/** Every command of the command line, in the order of `--help`. */
export const table: readonly AnyCommand[] = [
  init,
  controller,
  sandbox,
  ask,
  validate,
  reconcile,
  status,
  get,
  describe,
  drift,
  agents,
  runs,
  events,
  approve,
  reject,
  undo,
  importResources,
  logs,
  top,
  ping,
  enrol,
  agent,
  token,
  audit,
  context,
  completion(() => table),
];
