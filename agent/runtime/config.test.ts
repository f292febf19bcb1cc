import { expect, test } from "vitest";
import { printProblem } from "../../schemas/problem.ts";
import { type AgentConfig, readConfig } from "./config.ts";

const file = "/etc/ai-agent/agent.env";

test("a full file", () => {
  const text =
    `# comment\nCONTROLLER_URL=https://a.example:3001/, "https://b.example:3001"\n`.replaceAll('"', "") +
    "STATE_DIR='/srv/agent'\nALLOW_VERBS=service.*,!journal\nDENY_PATHS=/srv/**\nLOG_LEVEL=debug\n";
  expect(readConfig(text, {}, file)).toEqual({
    controllers: ["https://a.example:3001", "https://b.example:3001"],
    stateDir: "/srv/agent",
    name: undefined,
    allowance: { verbs: ["service.*", "!journal"], allowPaths: [], denyPaths: ["/srv/**"], ownPaths: ["/srv/agent"] },
    logLevel: "debug",
  });
});

test("the environment goes before the file; verbs that are only taken away leave all others; none leaves no action", () => {
  const config = (text: string) => readConfig(text, { CONTROLLER_URL: "http://localhost:3001" }, file) as AgentConfig;
  expect(config("CONTROLLER_URL=nonsense").controllers).toEqual(["http://localhost:3001"]);
  expect(config("ALLOW_VERBS=!journal").allowance.verbs).toEqual(["*", "!journal"]);
  expect(config("ALLOW_VERBS=none").allowance.verbs).toEqual([]);
});

test("all problems at once, with line and hint", () => {
  const text =
    "CONTROLLER_URL=http://example.com:3001\nALLOW_VERB=x\nnonsense\nALLOW_VERBS=service.rstart\nDENY_PATHS=etc\nLOG_LEVEL=loud\nAGENT_NAME=Web_1\n";
  const problems = readConfig(text, {}, file);
  expect(Array.isArray(problems) ? problems.map(printProblem).join("\n") : "no problem").toMatchInlineSnapshot(`
    "/etc/ai-agent/agent.env:2: error: Unable to use ALLOW_VERB: there is no such setting
        Known are CONTROLLER_URL, STATE_DIR, AGENT_NAME, ALLOW_VERBS, ALLOW_PATHS, DENY_PATHS, ALLOW_PLAINTEXT, LOG_LEVEL
    /etc/ai-agent/agent.env:3: error: Unable to read the line: it is not KEY=VALUE
    /etc/ai-agent/agent.env:5: error: Unable to use DENY_PATHS etc: it is not an absolute path
    /etc/ai-agent/agent.env:1: error: Unable to use CONTROLLER_URL http://example.com:3001: without TLS anybody in between could read and change what is said
        use https, or set ALLOW_PLAINTEXT=yes
    /etc/ai-agent/agent.env:7: error: Unable to use AGENT_NAME Web_1: a name has lower case letters, digits and hyphens, at most 63
    /etc/ai-agent/agent.env:4: error: Unable to use ALLOW_VERBS service.rstart: no verb has that name
        did you mean service.restart?
    /etc/ai-agent/agent.env:6: error: Unable to use LOG_LEVEL loud: it is one of debug, info, warn, error"
  `);
});
