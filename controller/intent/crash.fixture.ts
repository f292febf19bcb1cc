import { defaultSettings } from "../core/settings-defaults.ts";
import { openStore } from "../store/open.ts";
import { createClaude } from "./claude/claude.ts";
import { KEY, OPUS } from "./double/ask.ts";
import { startDouble } from "./double/double.ts";
import type { Answer } from "./double/script.ts";
import { admin, plain, pretendConverse } from "./pretend-converse.ts";

/** Talks until it is killed, and says on stdout what was answered: logs are read in the first sentence of each conversation. */
const store = openStore(process.argv[2] ?? ""),
  script: Answer[] = [];
const double = await startDouble({ key: KEY, script });
const claude = createClaude({
  apiKey: KEY,
  baseURL: double.url,
  model: OPUS,
  timeoutMs: 5000,
  maxTokens: 4000,
  repairs: 3,
  limits: defaultSettings.model,
  prices: defaultSettings.model.prices,
  store: store.spending,
  now: Date.now,
});
const { converse, state } = pretendConverse({}, { claude, store: store.conversations, newId: () => crypto.randomUUID() });
state("pay-01").journal.push({ at: 1, unit: "payment.service", priority: 3, text: "panic: out of coffee" });
for (;;) {
  script.push(
    {
      content: [
        { type: "thinking", thinking: "Let me look." },
        { type: "tool_use", name: "read_logs", input: { host: "pay-01", service: "payment", lines: 5, level: "any", match: "" } },
      ],
    },
    { content: [{ type: "text", text: "It is out of coffee." }] },
  );
  const { conversation } = await converse.ask("what do the logs of payment on pay-01 say?", admin, plain);
  process.stdout.write(`${JSON.stringify({ conversation, spent: await claude.spending.today() })}\n`);
}
