import { describe, expect, it } from "vitest";
import { printProblem } from "../../schemas/problem.ts";
import { readSettings } from "./settings.ts";
import { defaultSettings } from "./settings-defaults.ts";

const read = (text: string) => readSettings({ path: "backend-ai.yaml", blob: "b", size: text.length, text });
const said = (text: string): string[] => {
  const result = read(text);
  return result.ok ? [] : result.problems.map(printProblem);
};

describe("settings", () => {
  it.each([undefined, "", "# git:\n#   branch: main\n", "{}"])("are the defaults where nothing is said: %j", (text) => {
    expect(text === undefined ? readSettings(undefined) : read(text)).toEqual({ ok: true, settings: defaultSettings });
  });

  it("changes what is said and leaves the rest", () => {
    const text = `git: { remote: origin, pull: 30s, push: true }
approval: { from: high, expires: 1h }
drift: { mode: correct, changingFor: 5m }
hub: { names: [ctl.example.com], offlineAfter: 2m }
retention: { undecided: 3d }
model: { timeout: 30s, dollarsPerDay: 2.5 }
glossary: { the download server: name=dl-1 }
`;
    expect(read(text)).toEqual({
      ok: true,
      settings: {
        ...defaultSettings,
        git: { branch: "main", remote: "origin", pullMs: 30_000, push: true },
        approval: { from: "high", notRequester: false, expiresMs: 3_600_000 },
        drift: { mode: "correct", correctionsPerHour: 3, changingForMs: 300_000 },
        hub: { ...defaultSettings.hub, names: ["ctl.example.com"], offlineAfterMs: 120_000 },
        retention: { ...defaultSettings.retention, undecidedMs: 3 * 86_400_000 },
        model: { ...defaultSettings.model, timeoutMs: 30_000, dollarsPerDay: 2.5 },
        glossary: { "the download server": "name=dl-1" },
      },
    });
  });

  it.each([
    [
      "an unknown field",
      "git:\n  brunch: main\n",
      'backend-ai.yaml:2:3 git.brunch: error: Unknown field "brunch" in git\n    Did you mean branch?',
    ],
    [
      "an unknown word",
      "drift: { mode: fix }\n",
      'backend-ai.yaml:1:16 drift.mode: error: mode has to be alert, correct or ignore, not "fix"',
    ],
    [
      "a duration without a unit",
      "retention: { undecided: 30 }\n",
      'backend-ai.yaml:1:25 retention.undecided: error: undecided has to be text, not 30\n    Write it in quotes: undecided: "30"',
    ],
    [
      "YAML that does not parse",
      "git: [\n",
      "backend-ai.yaml:2:1: error: This is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]\n    Fields of one mapping start in the same column; what belongs to a field stands further right.",
    ],
    ["two documents", "git: {}\n---\ngit: {}\n", "backend-ai.yaml:1:1: error: backend-ai.yaml has 2 documents\n    Keep one."],
    ["a list", "- a\n", "backend-ai.yaml:1:1: error: The document has to be a mapping of fields, not a list"],
  ])("tells %s with its place", (_, text, expected) => {
    expect(said(text)).toEqual([expected]);
  });
});
