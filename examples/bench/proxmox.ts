import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Figure, Report } from "./figure.ts";

const program = fileURLToPath(new URL("../../agent-proxmox/bench/main.ts", import.meta.url));

/** The Proxmox agent against a pretend cluster, in a program of its own, as its licence is. */
export async function run(report: Report, scale: number): Promise<void> {
  const child = spawn(process.execPath, [program, String(scale)], { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) {
    const { name, value, unit, target, note } = JSON.parse(line) as Figure;
    report(name, value, unit, { ...(target === undefined ? {} : { target }), ...(note === undefined ? {} : { note }) });
  }
  const code = child.exitCode ?? (await new Promise<number | null>((ended) => child.once("close", ended)));
  if (code !== 0) throw new Error(`the benchmark of the Proxmox agent ended with ${code}`);
}
