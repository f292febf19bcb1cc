import { actions } from "../words/index.ts";
import { cue } from "./cues.ts";
import type { Asking } from "./define.ts";

const phrases = ["what can you do", "what can i ask", "what can i say", "help", "hilfe", "was kannst du", "que puedes hacer", "ayuda"];

/** What can be asked for. */
export const explain: Asking = {
  ask: "explain",
  summary: "What can be asked for",
  hear: (tokens) => (cue(tokens, phrases) === undefined || tokens.length > 8 ? undefined : { params: {}, used: new Set(tokens.keys()) }),
  async answer() {
    const rows = [...actions.values()].map(({ action, summary }) => ({ action, summary }));
    return {
      text: [
        "You can ask for:",
        ...rows.map(({ summary }) => `  ${summary}`),
        "and about hosts: list, count, status, logs, configuration, CPU, memory, disks, what changed, and what is wrong.",
      ].join("\n"),
      data: rows,
      resources: [],
    };
  },
};
