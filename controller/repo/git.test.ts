import { expect, test } from "vitest";
import { maskPasswords } from "./git.ts";

test.each([
  ["fatal: unable to access 'https://git:hunter2@git.example/a.git/'", "fatal: unable to access 'https://***@git.example/a.git/'"],
  ["https://ghp_token@git.example/a", "https://***@git.example/a"],
  ["https://git:p@ss@git.example/a", "https://***@git.example/a"],
  ["ssh://git.example/a@b", "ssh://git.example/a@b"],
])("no name or password of a URL is told: %s", (said, told) => {
  expect(maskPasswords(said)).toBe(told);
});
