import { Ajv2020 } from "ajv/dist/2020.js";
import { durationMs, maxManifestBytes } from "../../schemas/manifest.ts";
import { error, type Problem } from "../../schemas/problem.ts";
import type { SourceFile } from "./model.ts";
import { placed } from "./parse-file.ts";
import { readYamlDocument, type YamlDocument } from "./positions.ts";
import { schemaProblems } from "./schema-problems.ts";
import { defaultSettings, priceOf, type Settings } from "./settings-defaults.ts";
import { SettingsFile } from "./settings-schema.ts";
import { yamlSlices } from "./yaml-slices.ts";

export type ReadSettings =
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly problems: readonly Problem[] };

const settingsOk = new Ajv2020({ strict: true, allErrors: true, strictTypes: false }).compile<SettingsFile>(SettingsFile);

/** Reads `backend-ai.yaml`; without the file, and for every field that it leaves out, the defaults hold. Problems have file, line and column. */
export function readSettings(file: SourceFile | undefined): ReadSettings {
  if (file === undefined) return { ok: true, settings: defaultSettings };
  const refuse = (code: string, summary: string, hint: string): ReadSettings => ({
    ok: false,
    problems: [error(code, summary, { hint, where: { file: file.path, line: 1, column: 1 } })],
  });
  if (file.size > maxManifestBytes)
    return refuse("settings/too-large", `${file.path} has ${file.size} bytes; settings may have ${maxManifestBytes}`, "Make it smaller.");
  if (file.text === undefined) return refuse("settings/not-utf8", `${file.path} is not valid UTF-8`, "Save it as UTF-8.");
  const documents = yamlSlices(file.text)
    .map(({ start, end, line }) => readYamlDocument((file.text ?? "").slice(start, end), line))
    .filter(({ empty }) => !empty);
  if (documents.length > 1) return refuse("settings/several-documents", `${file.path} has ${documents.length} documents`, "Keep one.");
  const [read] = documents;
  return read === undefined ? { ok: true, settings: defaultSettings } : fromDocument(read, file.path);
}

function fromDocument(read: YamlDocument, path: string): ReadSettings {
  const at = (problem: Problem): Problem => ({ ...problem, where: { file: path, ...problem.where } });
  if (read.flaws.length > 0)
    return {
      ok: false,
      problems: read.flaws.map(({ line, column, code, summary, hint }) =>
        at(error(code, summary, { where: { line, column }, ...(hint === undefined ? {} : { hint }) })),
      ),
    };
  const { value } = read;
  if (settingsOk(value)) return { ok: true, settings: withDefaults(value) };
  return {
    ok: false,
    problems: schemaProblems(settingsOk.errors ?? [], SettingsFile, value, []).map((problem) => at(placed(problem, read))),
  };
}

function withDefaults({ git, approval, drift, limits, hub, http, retention, model, glossary, allowPlainText }: SettingsFile): Settings {
  const base = defaultSettings,
    { pull, ...repository } = git ?? {},
    { expires, ...gate } = approval ?? {},
    { changingFor, ...onDrift } = drift ?? {};
  const { undecided, ...kept } = retention ?? {};
  const { tokenExpires, lateAfter, offlineAfter, ...agents } = hub ?? {},
    { timeout, prices, ...claude } = model ?? {};
  return {
    git: { ...base.git, ...repository, ...(pull === undefined ? {} : { pullMs: durationMs(pull) }) },
    approval: { ...base.approval, ...gate, expiresMs: ms(expires, base.approval.expiresMs) },
    drift: { ...base.drift, ...onDrift, changingForMs: ms(changingFor, base.drift.changingForMs) },
    limits: { ...base.limits, ...limits },
    hub: {
      ...base.hub,
      ...agents,
      tokenExpiresMs: ms(tokenExpires, base.hub.tokenExpiresMs),
      lateAfterMs: ms(lateAfter, base.hub.lateAfterMs),
      offlineAfterMs: ms(offlineAfter, base.hub.offlineAfterMs),
    },
    http: { ...base.http, ...http },
    retention: { ...base.retention, ...kept, undecidedMs: ms(undecided, base.retention.undecidedMs) },
    model: {
      ...base.model,
      ...claude,
      timeoutMs: ms(timeout, base.model.timeoutMs),
      prices: {
        ...base.model.prices,
        ...Object.fromEntries(Object.entries(prices ?? {}).map(([name, price]) => [name, priceOf(price.input, price.output, price)])),
      },
    },
    glossary: glossary ?? base.glossary,
    allowPlainText: allowPlainText ?? base.allowPlainText,
  };
}

const ms = (text: string | undefined, otherwise: number): number => (text === undefined ? otherwise : durationMs(text));
