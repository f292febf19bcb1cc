import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import type { Step } from "../../schemas/plan.ts";
import { error, ProblemError } from "../../schemas/problem.ts";
import { maxMessage } from "../../schemas/protocol.ts";
import type { ProbeInput } from "../../schemas/verbs/index.ts";
import { validateProbe } from "../../schemas/verbs/file.ts";
import { checkCandidates, type Validation, verdicts } from "./candidates.ts";
import { unsealWith } from "./secret-text.ts";

const write = (path: string, content: unknown, validator?: Step["validator"]): Step => ({
  id: `${path}#1`,
  host: "web-01",
  action: "file.write",
  input: { path, content },
  undo: null,
  timeoutMs: 1000,
  ...(validator === undefined ? {} : { validator }),
});

test("a file whose secret is gone is refused, and those beside it are checked all the same", async () => {
  const steps = [
    write("/etc/app/password", { secretRef: "db/gone" }),
    write("/etc/app/token", { secretRef: "db/gone" }, "json"),
    write("/etc/nginx/broken.conf", "wrong", "nginx"),
    write("/etc/motd", "welcome"),
  ];
  const asked: unknown[] = [];
  const agents = {
    query: (_host: string, { input }: { readonly input: unknown }) => {
      asked.push(input);
      return Promise.resolve({ ok: false, results: [{ validator: "nginx", paths: ["/etc/nginx/broken.conf"], ok: false, output: "no" }] });
    },
  };
  const answer = await checkCandidates("web-01", steps, { agents, unseal: unsealWith(() => undefined) });
  expect(asked).toEqual([
    {
      files: [
        { path: "/etc/nginx/broken.conf", content: "wrong", validator: "nginx" },
        { path: "/etc/motd", content: "welcome" },
      ],
    },
  ]);
  const missing = "Unable to send the step: the secret db/gone is missing.";
  expect(verdicts(steps, answer)).toEqual([
    { ok: false, output: missing, steps: ["/etc/app/password#1"] },
    { ok: false, output: missing, steps: ["/etc/app/token#1"] },
    { ok: false, output: "no", steps: ["/etc/nginx/broken.conf#1"] },
    { ok: true, output: "", steps: ["/etc/motd#1"] },
  ]);
});

const takes = new Ajv2020({ strict: false }).compile(validateProbe.input);

/** An agent that takes what the probe and the hub take, and finds every check passed but those of `wrong` paths. */
const agentThatFinds = (wrong: readonly string[] = []) => {
  const asked: ProbeInput<"validate">["files"][] = [];
  const query = (_host: string, { input }: { readonly input: unknown }): Promise<unknown> => {
    if (!takes(input)) throw new Error(`the probe does not take this: ${JSON.stringify(takes.errors)}`);
    const { files } = input as ProbeInput<"validate">;
    if (Buffer.byteLength(JSON.stringify(input)) > maxMessage)
      return Promise.reject(new ProblemError(error("agent/query-size", "the question validate is larger than a message may be")));
    asked.push(files);
    const names = [...new Set(files.flatMap(({ validator }) => validator ?? []))];
    const results = names.map((validator) => {
      const paths = files.filter((file) => file.validator === validator).map(({ path }) => path);
      return {
        validator,
        paths: paths.filter((path) => wrong.includes(path)),
        ok: !paths.some((path) => wrong.includes(path)),
        output: "no",
      };
    });
    return Promise.resolve({ ok: results.every(({ ok }) => ok), results });
  };
  return { asked, query };
};
const ids = (steps: readonly Step[], answer: Validation, ok: boolean): string[] =>
  verdicts(steps, answer).flatMap((verdict) => (verdict.ok === ok ? verdict.steps : []));

test("a host with a thousand files has them checked together", async () => {
  const steps = Array.from({ length: 1000 }, (_, at) => write(`/etc/nginx/conf.d/${at}.conf`, "x", at % 2 === 0 ? "nginx" : undefined)),
    agents = agentThatFinds(["/etc/nginx/conf.d/500.conf"]);
  const answer = await checkCandidates("web-01", steps, { agents, unseal: unsealWith(() => undefined) });
  expect(agents.asked.map((files) => files.length)).toEqual([1000]);
  expect(ids(steps, answer, false)).toEqual(["/etc/nginx/conf.d/500.conf#1"]);
});

test("what is more than a message holds is checked by one validator after the other, each with all of its own files", async () => {
  const large = "x".repeat(900_000),
    steps = [
      ...[1, 2, 3].map((at) => write(`/etc/nginx/${at}.conf`, large, "nginx")),
      ...[1, 2].map((at) => write(`/etc/app/${at}.json`, large, "json")),
      write("/etc/motd", "welcome"),
    ],
    agents = agentThatFinds(["/etc/app/2.json"]);
  const answer = await checkCandidates("web-01", steps, { agents, unseal: unsealWith(() => undefined) });
  expect(agents.asked.map((files) => files.filter(({ validator }) => validator !== undefined).map(({ path }) => path))).toEqual([
    ["/etc/nginx/1.conf", "/etc/nginx/2.conf", "/etc/nginx/3.conf"],
    ["/etc/app/1.json", "/etc/app/2.json"],
  ]);
  expect(agents.asked.map((files) => files.some(({ path }) => path === "/etc/motd"))).toEqual([true, true]);
  expect(ids(steps, answer, false)).toEqual(["/etc/app/2.json#1"]);
  expect(ids(steps, answer, true)).toHaveLength(5);
});

test("files of one validator that no message holds are refused, and the others are checked", async () => {
  const large = "x".repeat(900_000),
    steps = [...[1, 2, 3, 4, 5].map((at) => write(`/etc/nginx/${at}.conf`, large, "nginx")), write("/etc/app/1.json", "{}", "json")];
  const answer = await checkCandidates("web-01", steps, { agents: agentThatFinds(), unseal: unsealWith(() => undefined) });
  expect(verdicts(steps, answer)).toEqual([
    { ok: false, output: "the question validate is larger than a message may be", steps: steps.slice(0, 5).map(({ id }) => id) },
    { ok: true, output: "", steps: ["/etc/app/1.json#1"] },
  ]);
});
