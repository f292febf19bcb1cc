import { expect, test } from "vitest";
import { cleanJson, cleanText } from "./clean.ts";

const evil = "a\u001b[2J\u009b31m\u202eb\u0007\n";

test("nothing that steers a terminal is left of a text but its lines", () => {
  expect(cleanText(evil)).toBe("a\ufffd[2J\ufffd31m\ufffdb\ufffd\n");
});

test("JSON holds the same value and no such character", () => {
  const text = cleanJson({ [evil]: [evil] });
  expect(JSON.parse(text)).toEqual({ [evil]: [evil] });
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
});
