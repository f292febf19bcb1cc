import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type Anthropic from "@anthropic-ai/sdk";
import { describe, expect, test } from "vitest";
import { readConfig } from "../../config.ts";
import { readSettings } from "../../core/settings.ts";
import { defaultSettings, priceOf, type Settings } from "../../core/settings-defaults.ts";
import { temporaryFolder } from "../../store/testing.ts";
import { dollarsOf, pricesOf } from "./prices.ts";

const { prices } = defaultSettings.model;
const usage = (over: Partial<Anthropic.Usage>) => ({ input_tokens: 0, output_tokens: 0, ...over }) as Anthropic.Usage;
const priced = (model: string, over: Partial<Anthropic.Usage>): number => dollarsOf(usage(over), pricesOf(model, prices)!);
const million = 1_000_000;

describe("what an answer costs", () => {
  test.each([
    ["claude-sonnet-5-5", { input_tokens: million }, 2],
    ["claude-sonnet-5-5", { output_tokens: million }, 10],
    ["claude-sonnet-5-5", { cache_read_input_tokens: million }, 0.1],
    ["claude-opus-5-5", { cache_creation_input_tokens: million }, 5],
    [
      "claude-opus-5-5",
      { cache_creation_input_tokens: million, cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: million } },
      8,
    ],
    ["claude-haiku-4-5-20251001", { input_tokens: million }, 1],
    ["claude-haiku-5-5", { input_tokens: 100_000 }, 0.01],
    ["claude-haiku-5-5", { input_tokens: 50_000, cache_read_input_tokens: 50_001, output_tokens: 1000 }, 5 * (0.005 + 0.00050001 + 0.0005)],
  ] as const)("%s, %j: %d", (model, over, dollars) => {
    expect(priced(model, over)).toBeCloseTo(dollars, 9);
  });

  test("nobody guesses by a model's name", () => {
    expect(pricesOf("claude-opus-9", prices)).toBeUndefined();
    expect(pricesOf("constructor", prices)).toBeUndefined();
    expect(pricesOf("my-sonnet", prices)).toBeUndefined();
  });
});

describe("prices as people say them", () => {
  const text = "model: { prices: { claude-x: { input: 3, output: 15, cacheRead: 0.2, long: { over: 200000, times: 2 } } } }\n";
  const read = (yaml: string): Settings => {
    const result = readSettings({ path: "backend-ai.yaml", blob: "", size: yaml.length, text: yaml });
    if (!result.ok) throw new Error(result.problems[0]!.summary);
    return result.settings;
  };

  test("in the settings, beside those that are known", () => {
    expect(read(text).model.prices).toEqual({
      ...prices,
      "claude-x": { input: 3, output: 15, cacheWrite: 3.75, cacheWriteHour: 6, cacheRead: 0.2, long: { over: 200_000, times: 2 } },
    });
    expect(() => read("model: { prices: { claude-x: { input: 3 } } }\n")).toThrow(/output/);
    expect(() => read("model: { prices: { claude-x: { input: -3, output: 1 } } }\n")).toThrow(/input/);
  });

  test("in the environment, before the settings", async () => {
    const given = { workspace: await temporaryFolder() };
    await writeFile(join(given.workspace, "backend-ai.yaml"), text);
    const config = await readConfig({ MODEL_PRICES: " claude-x=4/20 , claude-sonnet-5-5=1/5/1.25/2/0.05" }, given);
    expect(config.settings.model.prices).toEqual({
      ...prices,
      "claude-x": priceOf(4, 20),
      "claude-sonnet-5-5": { input: 1, output: 5, cacheWrite: 1.25, cacheWriteHour: 2, cacheRead: 0.05 },
    });
    for (const wrong of ["claude-x", "claude-x=4", "claude-x=4/", "claude-x=a/b", "claude-x=1/2/3/4/5/6", "=1/2", "claude-x=1.2.3/4"])
      await expect(readConfig({ MODEL_PRICES: wrong }, given), wrong).rejects.toThrow(/MODEL_PRICES/);
  });
});
