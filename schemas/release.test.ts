import { expect, test } from "vitest";
import { compareVersions } from "./release.ts";

test("versions are ordered as semver has it", () => {
  const sorted = [
    "unknown",
    "0.9.0",
    "0.10.0-alpha",
    "0.10.0-alpha.1",
    "0.10.0-alpha.beta",
    "0.10.0-beta.2",
    "0.10.0-beta.11",
    "0.10.0",
    "1.0.0",
  ];
  expect([...sorted].reverse().sort(compareVersions)).toEqual(sorted);
  expect(compareVersions("1.2.3", "1.2.3")).toBe(0);
});
