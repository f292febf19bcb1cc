import { randomUUID } from "node:crypto";
import { readSettings } from "../core/settings.ts";
import type { Settings } from "../core/settings-defaults.ts";
import type { Converse } from "../http/command.ts";
import type { KindTable } from "../kinds/define.ts";
import type { Controller } from "../loop/controller.ts";
import type { Log } from "../loop/ports.ts";
import type { Store } from "../store/store.ts";
import { createClaude } from "./claude/claude.ts";
import { pricesOf } from "./claude/prices.ts";
import { createContext } from "./context.ts";
import { createConverse } from "./converse.ts";

export interface StartIntent {
  readonly controller: Controller;
  readonly kinds: KindTable;
  readonly settings: Settings;
  /** Without a key the grammar works alone: nothing is looked for elsewhere. */
  readonly apiKey: string | undefined;
  /** Another address of the Messages API. */
  readonly baseURL?: string | undefined;
  /** Conversations and what they cost outlast a restart. */
  readonly store: Pick<Store, "conversations" | "spending">;
  readonly log: Pick<Log, "info" | "warn">;
  readonly now: () => number;
}

/** The interpreter of sentences: Claude where there is a key, the grammar beside it and without it. Key and model are looked at in the background. */
export async function startIntent({ controller, kinds, settings, apiKey, baseURL, store, log, now }: StartIntent): Promise<Converse> {
  const { model } = settings,
    key = apiKey?.trim() ?? "";
  const claude =
    key === ""
      ? undefined
      : createClaude({
          apiKey: key,
          baseURL,
          model: model.name,
          timeoutMs: model.timeoutMs,
          maxTokens: model.maxTokens,
          repairs: model.repairs,
          limits: model,
          prices: model.prices,
          store: store.spending,
          now,
        });
  if (claude !== undefined && pricesOf(model.name, model.prices) === undefined)
    log.warn({ model: model.name }, `the price of ${model.name} is not known: only its tokens are counted; say it in model.prices`);
  if (claude === undefined) log.info({}, "sentences are read by the offline grammar: there is no ANTHROPIC_API_KEY");
  else
    void claude
      .unfit()
      .then(
        (reason) =>
          reason !== undefined &&
          log.warn({ model: model.name }, `Claude cannot be asked: ${reason}; the offline grammar reads sentences meanwhile`),
      );
  const context = createContext({ controller, glossary: () => glossaryOf(controller, settings), now });
  return createConverse({ controller, kinds, context, claude, store: store.conversations, newId: () => randomUUID(), now });
}

/** The glossary of the commit in force; that of the start where there is none. */
async function glossaryOf(controller: Pick<Controller, "fileText">, settings: Settings): Promise<Settings["glossary"]> {
  const text = await controller.fileText("backend-ai.yaml"),
    read = text === undefined ? undefined : readSettings({ path: "backend-ai.yaml", blob: "", size: Buffer.byteLength(text), text });
  return read?.ok === true ? read.settings.glossary : settings.glossary;
}
