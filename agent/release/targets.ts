import { arch } from "node:process";

/** A platform that a compiled agent is made for: the file's name, and the package that brings Bun for it. */
export interface Target {
  readonly name: string;
  readonly package: string;
  /** Whether this machine runs it. */
  readonly own: boolean;
}

/** The version of Bun that agents are compiled with: the one of the lock file. */
export const bunVersion = "1.4.5";

const target = (name: string, bun: string, cpu: string, musl: boolean): Target => ({
  name: `agent-linux-${name}`,
  package: `@oven/bun-linux-${bun}`,
  own: cpu === arch && !musl,
});

export const targets: readonly Target[] = [
  target("x64", "x64", "x64", false),
  target("x64-musl", "x64-musl", "x64", true),
  target("arm64", "aarch64", "arm64", false),
  target("arm64-musl", "aarch64-musl", "arm64", true),
];
