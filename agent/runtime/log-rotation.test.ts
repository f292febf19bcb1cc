import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { rotateOutput } from "./log-rotation.ts";

const folder = mkdtempSync(join(tmpdir(), "log-"));
const path = join(folder, "agent.log");
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a log past its limit is copied and emptied in place, three copies are kept, and nothing of it is lost", () => {
  // As supervise-daemon opens it.
  const fd = openSync(path, "a");
  const text = (round: number): string => `${round} ${"x".repeat(100)}\n`;
  for (let round = 1; round <= 5; round += 1) {
    writeSync(fd, text(round));
    rotateOutput(fd, 50)();
  }
  writeSync(fd, text(6));
  rotateOutput(fd, 5000)();
  closeSync(fd);
  expect(readdirSync(folder).sort()).toEqual(["agent.log", "agent.log.1", "agent.log.2", "agent.log.3"]);
  expect(["", ".1", ".2", ".3"].map((end) => readFileSync(`${path}${end}`, "utf8"))).toEqual([text(6), text(5), text(4), text(3)]);
});

test("what is no file is left alone", () => {
  const fd = openSync("/dev/null", "a");
  rotateOutput(fd, 0)();
  closeSync(fd);
  expect(readdirSync("/dev").filter((name) => name.startsWith("null."))).toEqual([]);
});
