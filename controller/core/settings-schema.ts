import Type, { type Static } from "typebox";
import { Duration } from "../../schemas/manifest.ts";
import { risks } from "../../schemas/plan.ts";

const optional = Type.Optional;
const text = (description: string, more: object = {}) => optional(Type.String({ minLength: 1, maxLength: 512, description, ...more }));
const truth = (description: string) => optional(Type.Boolean({ description }));
const count = (description: string, minimum: number, maximum: number) => optional(Type.Integer({ minimum, maximum, description }));
const time = (description: string) => optional(Type.Unsafe<string>({ ...Duration, description }));
const names = (description: string) => optional(Type.Array(Type.String({ minLength: 1, maxLength: 253 }), { maxItems: 64, description }));
const group = <P extends Parameters<typeof Type.Object>[0]>(properties: P, description: string) =>
  optional(Type.Object(properties, { additionalProperties: false, description }));

const dollars = (description: string) => Type.Number({ minimum: 0, maximum: 100_000, description });
const Price = Type.Object(
  {
    input: dollars("A million tokens of a prompt"),
    output: dollars("A million tokens of an answer"),
    cacheWrite: optional(dollars("A million tokens kept in the cache for five minutes; else 1.25 times the input")),
    cacheWriteHour: optional(dollars("A million tokens kept in the cache for an hour; else twice the input")),
    cacheRead: optional(dollars("A million tokens read from the cache; else a tenth of the input")),
    long: optional(
      Type.Object(
        {
          over: Type.Integer({ minimum: 1, maximum: 100_000_000, description: "Tokens of a prompt" }),
          times: Type.Number({ minimum: 1, maximum: 100, description: "So many times the prices above" }),
        },
        { additionalProperties: false, description: "What longer prompts cost, with their answers" },
      ),
    ),
  },
  { additionalProperties: false, description: "Dollars" },
);

/** `backend-ai.yaml` as people write it: every field may be left out. */
export const SettingsFile = Type.Object(
  {
    git: group(
      {
        branch: text("The branch whose head is in force"),
        remote: text("Another repository: the name of a remote, or a URL"),
        pull: time("How often the remote is fetched; never by itself where it is left out"),
        push: truth("Whether commits made here are pushed to the remote"),
        allowedSigners: text("File of SSH keys (gpg.ssh.allowedSignersFile); only commits signed by one of them take effect"),
      },
      "The workspace's repository",
    ),
    approval: group(
      {
        from: optional(
          Type.Union(
            risks.map((risk) => Type.Literal(risk)),
            { description: "Changes of this risk and above wait for a person, where no Policy says otherwise" },
          ),
        ),
        notRequester: truth("Who asked for a change may not approve it"),
        expires: time("How long an approval holds for a plan that has not run"),
      },
      "Approval of changes about which no Policy speaks",
    ),
    drift: group(
      {
        mode: optional(
          Type.Union([Type.Literal("alert"), Type.Literal("correct"), Type.Literal("ignore")], {
            description: "What follows on drift, where no Policy says otherwise",
          }),
        ),
        correctionsPerHour: count("How often one instance is put back within an hour before it is only alerted", 0, 1000),
        changingFor: time("How long a host that shuts down, a queued job or a package manager at work is neither drift nor corrected"),
      },
      "Drift about which no Policy speaks",
    ),
    limits: group(
      {
        stepsPerHost: count("Steps at a time on one host", 1, 16),
        steps: count("Steps at a time on all hosts", 1, 10_000),
        runs: count("Runs at a time", 1, 100),
      },
      "How much is done at a time",
    ),
    hub: group(
      {
        names: names("Names and addresses by which agents reach the controller: they stand in its certificate and in install commands"),
        allowedAgents: names("Globs of hosts and agents that may connect; all where it is left out"),
        tokenExpires: time("How long a join token holds"),
        lateAfter: time("After how long without a sign an agent counts as late"),
        offlineAfter: time("After how long without a sign an agent counts as offline"),
      },
      "Agents' connections",
    ),
    http: group(
      { hosts: names("Names under which the page and the API may be opened in a browser, beside localhost and addresses") },
      "Page and API",
    ),
    retention: group(
      {
        undecided: time("How long a plan waits for a decision before it is superseded"),
        plans: count("The newest plans that are kept", 10, 100_000),
        runs: count("The newest runs that are kept, with their journals", 10, 100_000),
        alerts: count("The newest closed drift alerts that are kept", 10, 1_000_000),
        events: count("The newest events that are kept", 100, 1_000_000),
      },
      "How much is kept of what is over; the audit trail is kept for good",
    ),
    model: group(
      {
        name: text("The Claude model that reads sentences; needs ANTHROPIC_API_KEY"),
        timeout: time("How long one answer may take"),
        maxTokens: count("Tokens of one answer", 256, 128_000),
        repairs: count("How often a proposal that fails its checks goes back to the model", 0, 10),
        dollarsPerDay: optional(
          Type.Number({
            minimum: 0,
            maximum: 100_000,
            description: "What all sentences of a day may cost; afterwards the offline grammar answers",
          }),
        ),
        dollarsPerUser: optional(
          Type.Number({ minimum: 0, maximum: 100_000, description: "What the sentences of one person may cost a day" }),
        ),
        tokensPerDay: count("Tokens that all sentences of a day may take, whether or not the model's price is known", 0, 10_000_000_000),
        tokensPerUser: count("Tokens that the sentences of one person may take a day", 0, 10_000_000_000),
        prices: optional(
          Type.Record(Type.String({ pattern: "^[a-z0-9][a-z0-9._-]{0,127}$" }), Price, {
            additionalProperties: false,
            maxProperties: 100,
            description: "What models cost, by their id, beside those that are known; of others only tokens are counted",
          }),
        ),
      },
      "Understanding of sentences",
    ),
    glossary: optional(
      Type.Record(Type.String({ pattern: "^[^\\u0000-\\u001f]{1,64}$" }), Type.String({ minLength: 1, maxLength: 512 }), {
        additionalProperties: false,
        maxProperties: 1000,
        description: "Your own words for hosts and services: a phrase, and the selector or unit that it means",
      }),
    ),
    allowPlainText: truth("Whether the API may be served without TLS on addresses other than loopback"),
  },
  { additionalProperties: false, description: "Settings of Backend AI; in force once committed" },
);
export type SettingsFile = Static<typeof SettingsFile>;
