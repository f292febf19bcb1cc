import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Host } from "../lab/lab.ts";
import { everythingRuns, manifest, resource } from "./resources.ts";
import { type Stage, startStage, until } from "./stage.ts";

const needed = {
  "the agent for arm64 (npm run build:agent -- --all)": resolve(import.meta.dirname, "../../dist/agent-linux-arm64"),
  "Debian's qemu-user-static": "/usr/bin/qemu-aarch64-static",
  "Debian's libc6-arm64-cross": "/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1",
};
const missing = Object.entries(needed).flatMap(([what, path]) => (existsSync(path) ? [] : [what]));
const [agent, emulator] = Object.values(needed) as [string, string];

/** The agent for arm64 by an emulator of its instructions, on a host of this machine's own kind. */
const wrapper = '#!/bin/sh\nexec /opt/arm64/qemu -L /opt/arm64 /opt/arm64/agent "$@"\n';

let stage: Stage, host: Host;

beforeAll(async () => {
  if (missing.length > 0) return;
  stage = await startStage({ hosts: 1, install: false });
  host = stage.hosts[0] as Host;
  await host.push(emulator, "/opt/arm64/qemu");
  await host.push(agent, "/opt/arm64/agent");
  await host.push("/usr/aarch64-linux-gnu/lib", "/opt/arm64/lib");
  await host.exec("sh", "-c", "cat >/opt/arm64/ai-agent && chmod 755 /opt/arm64/ai-agent", { input: wrapper });
});
afterAll(() => stage?.close());

test.skipIf(missing.length > 0)(
  `the agent for arm64 enrols, reports and does a step${missing.length > 0 ? ` (missing: ${missing.join(", ")})` : ""}`,
  async () => {
    expect((await host.exec("/opt/arm64/ai-agent", "--version")).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const command = await stage.enrolCommand();
    const [, ca = ""] = /<<'CA'\n([\s\S]+?)\nCA\n/.exec(command) ?? [],
      [, token = ""] = /<<'TOKEN'\n(\S+)\nTOKEN/.exec(command) ?? [],
      [, url = ""] = /--url (\S+)/.exec(command) ?? [];
    await host.exec("sh", "-c", "mkdir -m 700 /etc/ai-agent /var/lib/ai-agent; cat >/etc/ai-agent/ca.pem", { input: `${ca}\n` });
    await host.exec("sh", "-c", 'echo "CONTROLLER_URL=$1" >/etc/ai-agent/agent.env', "sh", url);
    await host.exec("/opt/arm64/ai-agent", "enrol", "--ca", "/etc/ai-agent/ca.pem", { input: `${token}\n` });
    await host.exec("systemd-run", "--quiet", "--unit=ai-agent-arm64", "/opt/arm64/ai-agent", "run");
    const known = await until("h1 online", async () => {
      const one = await stage.host("h1").catch(() => undefined);
      return one?.online === true && one.facts !== undefined ? one : undefined;
    });
    expect(known.facts).toMatchObject({ hostname: "h1", os: { id: "debian" } });
    expect((await host.exec("/opt/arm64/ai-agent", "status")).stdout).toContain("connected");
    const motd = resource("File", "motd", { on: "*", path: "/etc/motd", content: "by arm64\n" });
    const nginx = resource("Service", "nginx", { on: "*", state: "stopped" });
    await stage.commit({ "manifests/all.yaml": manifest(everythingRuns, motd, nginx) });
    await stage.untilInSync();
    expect((await host.exec("cat", "/etc/motd")).stdout).toBe("by arm64\n");
    expect((await host.exec("systemctl", "is-active", "nginx", { reject: false })).stdout).toBe("inactive\n");
  },
);
