import { parseDocument } from "yaml";
import type { Validator } from "../../../schemas/verbs/file.ts";
import type { ProbeInput, ProbeOutput } from "../../../schemas/verbs/index.ts";
import { dialectProgram, dialectStart, testConfiguration } from "../host/configuration.ts";
import { contentOf } from "../host/content.ts";
import { fileAt } from "../host/files.ts";
import type { Dialect } from "../host/parts.ts";
import { textsUnder } from "../host/services.ts";
import { unitsOf } from "../host/units.ts";
import type { PretendHost } from "../pretend-host.ts";
import { edited } from "./file-actions.ts";

type Candidate = ProbeInput<"validate">["files"][number];
interface Verdict {
  readonly ok: boolean;
  readonly output: string;
}

/** Probe `validate`: the named checks over the live files with all candidates laid over them; nothing live is touched. */
export function validate(host: PretendHost, { files }: ProbeInput<"validate">): ProbeOutput<"validate"> {
  const laid = new Map(files.map((candidate) => [candidate.path, textOf(host, candidate)]));
  const validators = [...new Set(files.flatMap(({ validator }) => validator ?? []))];
  const results = validators.map((validator) => {
    const paths = files.filter((each) => each.validator === validator).map(({ path }) => path);
    const { ok, output } = check(host, validator, paths, laid);
    return { validator, paths, ok, output: output.slice(0, 8192) };
  });
  return { ok: results.every(({ ok }) => ok), results };
}

/** The text that a path would have; undefined: it would not be there, or is no text. */
function textOf(host: PretendHost, candidate: Candidate): string | undefined {
  const { path, content, encoding, format, values, remove } = candidate,
    present = fileAt(host, path)?.content;
  if (remove === true) return undefined;
  if (content !== undefined) return contentOf(encoding === "base64" ? Buffer.from(content, "base64") : content).text;
  return format !== undefined && values !== undefined ? edited({ path, format, values }, present) : present?.text;
}

const dialects: Readonly<Partial<Record<Validator, Dialect>>> = {
  nginx: "nginx",
  apache: "apache",
  "php-fpm": "php-fpm",
  sshd: "sshd",
  haproxy: "haproxy",
};

function check(host: PretendHost, validator: Validator, paths: readonly string[], laid: ReadonlyMap<string, string | undefined>): Verdict {
  const dialect = dialects[validator];
  if (dialect !== undefined) return checkDialect(host, dialect, laid);
  const checkOne = validator === "json" ? checkJson : validator === "yaml" ? checkYaml : checkLines;
  const failed = paths.flatMap((path) => checkOne(path, laid.get(path) ?? "") ?? []);
  return { ok: failed.length === 0, output: failed.join("\n") };
}

function checkDialect(host: PretendHost, dialect: Dialect, laid: ReadonlyMap<string, string | undefined>): Verdict {
  if (!unitsOf(host).some((unit) => unit.dialect === dialect))
    return { ok: false, output: `${dialectProgram(dialect)}: not found on this host` };
  const start = dialectStart(dialect),
    texts = new Map<string, string>(textsUnder(host, start));
  for (const [path, text] of laid) {
    if (text === undefined) texts.delete(path);
    else if (path.startsWith(start)) texts.set(path, text);
  }
  return testConfiguration(dialect, texts);
}

function checkJson(path: string, text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (cause) {
    return `${path}: ${cause instanceof Error ? cause.message : String(cause)}`;
  }
}

const checkYaml = (path: string, text: string): string | undefined => {
  const [wrong] = parseDocument(text).errors;
  return wrong === undefined ? undefined : `${path}: ${wrong.message}`;
};

/** The programs that have no pretend configuration of their own stumble over `bad_directive` too. */
function checkLines(path: string, text: string): string | undefined {
  const line = text.split("\n").findIndex((each) => /^[^#]*\bbad_directive\b/.test(each));
  return line < 0 ? undefined : `${path}:${line + 1}: syntax error near "bad_directive"`;
}
