import { kinds } from "../kinds/index.ts";
import type { Caller } from "../loop/controller.ts";
import type { AskOptions, Converse } from "../http/command.ts";
import type { ConversationStore } from "../store/conversations.ts";
import { openStore } from "../store/open.ts";
import type { Interpreter } from "./claude/interpreter.ts";
import { createContext } from "./context.ts";
import { createConverse } from "./converse.ts";
import { type Pretend, pretendController } from "./pretend-controller.ts";
import { fleet, type PretendHost } from "./pretend-hosts.ts";

/** A conversation over the pretend controller, for tests. The clock stands at `time` until it is moved. */
export interface PretendConverse extends Pretend {
  readonly converse: Converse;
  readonly clock: { time: number };
}

export const admin: Caller = { name: "ada", role: "admin" };
export const plain: AskOptions = { requireConfirmation: true };

export function pretendConverse(
  start: Readonly<Record<string, string>> = {},
  more: {
    hosts?: readonly PretendHost[];
    claude?: Interpreter;
    glossary?: Record<string, string>;
    store?: ConversationStore;
    newId?: () => string;
  } = {},
): PretendConverse {
  const clock = { time: Date.parse("2026-11-20T10:00:00Z") },
    pretend = pretendController(more.hosts ?? fleet, start, () => clock.time);
  let ids = 0;
  const context = createContext({ controller: pretend.controller, glossary: async () => more.glossary ?? {}, now: () => clock.time });
  const converse = createConverse({
    controller: pretend.controller,
    kinds,
    context,
    claude: more.claude,
    store: more.store ?? openStore(":memory:").conversations,
    newId: more.newId ?? (() => `c${++ids}`),
    now: () => clock.time,
  });
  return { ...pretend, converse, clock };
}
