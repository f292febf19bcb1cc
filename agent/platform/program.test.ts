import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { runProgram } from "./program.ts";

const node = (script: string): string[] => [process.execPath, "-e", script];

test("answers the exit status and the output, tells lines as they come", async () => {
  const lines: string[] = [];
  const result = await runProgram(node("console.log('one'); console.error('two'); process.exitCode = 3"), {
    timeoutMs: 20_000,
    onLine: (line) => lines.push(line),
  });
  expect(result).toMatchObject({ code: 3, timedOut: false, truncated: false });
  expect(result.output.split("\n").sort()).toEqual(["", "one", "two"]);
  expect(lines.sort()).toEqual(["one", "two"]);
});

test("passes nothing of its own environment, and input by standard input", async () => {
  process.env.SECRET_OF_THE_AGENT = "x";
  const result = await runProgram(
    node("process.stdin.on('data', (d) => console.log(String(d), process.env.SECRET_OF_THE_AGENT, process.env.LC_ALL))"),
    { timeoutMs: 20_000, input: "hello" },
  );
  expect(result.output).toBe("hello undefined C\n");
});

test("kills the whole group at the deadline", async () => {
  const script = "const c = require('child_process').spawn('sleep', ['600']); console.log(c.pid); setInterval(() => {}, 1000)";
  const result = await runProgram(node(script), { timeoutMs: 1500 });
  expect(result).toMatchObject({ code: null, timedOut: true });
  const child = Number(result.output);
  await expect.poll(() => isRunning(child)).toBe(false);
});

/** A process that was killed may still wait to be collected by its parent: state Z. */
function isRunning(pid: number): boolean {
  const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, "utf8") : "";
  return stat !== "" && !/\) Z /.test(stat);
}

test("keeps the end of a long output, or its beginning", async () => {
  const script = "for (let i = 0; i < 100000; i++) console.log('line ' + i)";
  const end = await runProgram(node(script), { timeoutMs: 20_000, maxOutput: 1000 });
  expect(end.truncated).toBe(true);
  expect(end.output).toHaveLength(1000);
  expect(end.output.endsWith("line 99999\n")).toBe(true);
  const start = await runProgram(node(script), { timeoutMs: 20_000, maxOutput: 1000, keep: "start" });
  expect(start.output.startsWith("line 0\nline 1\n")).toBe(true);
  expect(start.output).toHaveLength(1000);
});

test("a program that is not there rejects", async () => {
  await expect(runProgram(["/no/such/program"], { timeoutMs: 1000 })).rejects.toThrow("ENOENT");
});
