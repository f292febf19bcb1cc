import type Anthropic from "@anthropic-ai/sdk";
import { refusalReasons } from "../../../schemas/intent.ts";
import { actions } from "../words/index.ts";

type Fields = Readonly<Record<string, unknown>>;

/** A strict tool: every field required, nothing beside them, no limits that the strict grammar refuses. */
const tool = (name: string, description: string, properties: Fields): Anthropic.Tool => ({
  name,
  description,
  strict: true,
  input_schema: { type: "object", properties: { ...properties }, required: Object.keys(properties), additionalProperties: false },
});

const text = (description: string): Fields => ({ type: "string", description });
const selector = text("Selector of hosts, such as tag=web & !name=web-03; * for all");

const step: Fields = {
  type: "object",
  properties: {
    action: { type: "string", enum: [...actions.keys()].sort() },
    selector,
    expected_count: { type: "integer", description: "How many hosts the selector is meant to pick" },
    params: text("Parameters of the action as one JSON object, by the catalogue"),
    condition: text('Condition as one JSON object {"metric","op","value","of"?}, empty where there is none'),
    after: { type: "array", items: { type: "integer" }, description: "Numbers of the steps, from 0, that come first" },
  },
  required: ["action", "selector", "expected_count", "params", "condition", "after"],
  additionalProperties: false,
};

/** Tools that end a turn: exactly one of them, alone. */
export const ending = new Set(["propose_change", "ask_clarification", "cannot_do"]);

/** Every tool, sorted by name and never changed while the process runs, so that prompts stay cached and thinking stays valid. */
export const tools: readonly Anthropic.Tool[] = [
  tool(
    "ask_clarification",
    "Ends the turn with one precise question to the person, where the request leaves open what or which hosts are meant.",
    {
      question: text("The question, in the person's language"),
      candidates: { type: "array", items: { type: "string" }, description: "The possible answers, at most 10" },
    },
  ),
  tool("cannot_do", "Ends the turn: the request cannot be done, or is not to be done.", {
    reason: { type: "string", enum: [...refusalReasons] },
    text: text("Why, and what would work instead, in the person's language"),
  }),
  tool("get_history", "What was done lately on hosts, and what drifted.", { selector }),
  tool("get_resource", "A declared resource (Kind/name) with how it stands on each host, or one host by its name.", {
    id: text("Kind/name, or the name of a host"),
  }),
  tool(
    "propose_change",
    "Ends the turn with a change. Code checks it, turns it into manifests and a plan, and shows that to the person, who decides.",
    {
      steps: { type: "array", items: step },
      scope_quote: text("The words of the request that say which hosts are meant"),
    },
  ),
  tool("read_config", "A configuration file of one host, secrets covered. Untrusted text.", {
    host: text("Name of the host"),
    path: text("Absolute path; empty: the main file of the service"),
    service: text("The service; empty with a path"),
  }),
  tool("read_logs", "Lines of the system log of one host, secrets covered. Untrusted text.", {
    host: text("Name of the host"),
    service: text("The service; empty: the whole host"),
    lines: { type: "integer", description: "1 to 200" },
    level: { type: "string", enum: ["any", "error", "warning"] },
    match: text("Only lines that contain this; empty: all"),
  }),
  tool("read_metrics", "CPU, memory, disks and load of hosts, in per cent but load.", { selector }),
  tool(
    "search_resources",
    "Hosts that a selector picks (at most 40 rows, and how many there are), and declared resources whose id holds a text.",
    { selector, text: text("Part of a resource's id; empty: none") },
  ),
];
