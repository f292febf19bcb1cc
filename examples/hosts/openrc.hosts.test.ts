import { afterAll, beforeAll, expect, test } from "vitest";
import type { Host } from "../lab/lab.ts";
import { correctDrift, everythingRuns, manifest, resource } from "./resources.ts";
import { measured, type Stage, startStage, until } from "./stage.ts";
import { type HostVerbs, Refused, verbsOf } from "./verbs-of-host.ts";

/** A service of OpenRC's own kind that runs by itself, one that is supervised, and nginx by its plain script. */
const scripts = {
  own: '#!/sbin/openrc-run\ncommand=/usr/bin/sleep\ncommand_args="9000"\ncommand_background=true\npidfile=/run/own-daemon.pid\n',
  kept: '#!/sbin/openrc-run\nsupervisor=supervise-daemon\ncommand=/usr/bin/sleep\ncommand_args="9001"\nrespawn_delay=3\n',
};

let stage: Stage, host: Host, verbs: HostVerbs;

beforeAll(async () => {
  stage = await startStage({ hosts: 1, os: "openrc" });
  host = stage.hosts[0] as Host;
  for (const [name, text] of Object.entries(scripts))
    await host.exec("sh", "-c", 'cat >"/etc/init.d/$1" && chmod +x "/etc/init.d/$1"', "sh", name, { input: text });
  verbs = await verbsOf(host);
});
afterAll(async () => {
  await verbs?.close();
  await stage?.close();
});

const read = (unit: string, dropIns?: string[]) => verbs.probe("service", { unit, ...(dropIns === undefined ? {} : { dropIns }) });

test.each(["own.service", "kept.service", "nginx.service"])("%s is started, enabled, restarted and stopped", async (unit) => {
  await verbs.act("service.set", { unit, active: false, enabled: false });
  expect(await read(unit)).toMatchObject({ load: "loaded", active: "inactive", enabled: "disabled" });
  await verbs.act("service.set", { unit, active: true, enabled: true });
  const started = await until("it runs", async () => {
    const fact = await read(unit);
    return fact.active === "active" && fact.mainPid !== undefined ? fact : undefined;
  });
  expect(started).toMatchObject({ enabled: "enabled" });
  await verbs.act("service.restart", { unit });
  const again = await until("it runs again", async () => {
    const fact = await read(unit);
    return fact.active === "active" && fact.mainPid !== undefined ? fact : undefined;
  });
  expect(again.invocation).not.toBe(started.invocation);
});

test.each(["own.service", "nginx.service"])("that %s was killed is told within a second, and it can be started again", async (unit) => {
  await verbs.act("service.set", { unit, active: true });
  const { mainPid } = await until("it runs", async () => {
    const fact = await read(unit);
    return fact.mainPid === undefined ? undefined : fact;
  });
  const dirty = await verbs.watch("service", { unit });
  // With its children: nginx's workers outlive their master and keep its port.
  const kill = `date +%s%3N; kill -KILL ${mainPid} $(pgrep -P ${mainPid})`;
  const killedAt = Number((await host.exec("sh", "-c", kill)).stdout.trim());
  await until("drift", async () => (dirty.some((at) => at >= killedAt) ? true : undefined), { ms: 5000 });
  const noticed = (dirty.find((at) => at >= killedAt) as number) - killedAt;
  measured(`kill of ${unit} noticed`, noticed);
  expect(noticed).toBeLessThan(1000);
  expect((await read(unit)).active).toMatch(/^(failed|inactive)$/);
  await verbs.act("service.set", { unit, active: true });
  await until("it runs again", async () => ((await read(unit)).active === "active" ? true : undefined));
});

test("a supervised service that was killed is starting until its supervisor has started it again", async () => {
  const unit = "kept.service";
  await verbs.act("service.set", { unit, active: true });
  const before = await until("it runs", async () => {
    const fact = await read(unit);
    return fact.mainPid === undefined ? undefined : fact;
  });
  const dirty = await verbs.watch("service", { unit });
  const killedAt = Number((await host.exec("sh", "-c", `date +%s%3N; kill -KILL ${before.mainPid}`)).stdout.trim());
  await until("drift", async () => (dirty.some((at) => at >= killedAt) ? true : undefined), { ms: 5000 });
  expect((dirty.find((at) => at >= killedAt) as number) - killedAt).toBeLessThan(1000);
  expect(await read(unit)).toMatchObject({ active: "activating", changing: true });
  const after = await until("it runs again", async () => {
    const fact = await read(unit);
    return fact.active === "active" ? fact : undefined;
  });
  expect(after.invocation).not.toBe(before.invocation);
  expect(after.since).toBeGreaterThan(before.since as number);
});

test("looking at services tells of no change", async () => {
  const dirty = await verbs.watch("service", { unit: "own.service" });
  const before = dirty.length;
  for (let times = 0; times < 5; times += 1) for (const unit of ["own.service", "kept.service", "nginx.service"]) await read(unit);
  await host.exec("sleep", "2");
  // The look at everything every 5 s may fall into these seconds.
  expect(dirty.length - before).toBeLessThanOrEqual(1);
});

test("drop-ins are refused with what to use instead", async () => {
  expect(await read("own.service", ["limits"])).toMatchObject({ dropIns: { limits: null } });
  const refused = await verbs
    .act("service.set", { unit: "own.service", dropIns: { limits: "[Service]\n" } })
    .catch((failure: Refused) => failure);
  expect((refused as Refused).problem).toMatchObject({ code: "service/drop-in", hint: expect.stringContaining("/etc/conf.d") });
});

test("validators run in a namespace of their own, without systemd", async () => {
  const check = (content: string) =>
    verbs.probe("validate", { files: [{ path: "/etc/nginx/conf.d/app.conf", content, validator: "nginx" }] });
  expect(await check("server { listen 8081; }\n")).toMatchObject({ ok: true });
  const { ok, results } = await check("server { listn 8081; }\n");
  expect(ok).toBe(false);
  expect(results[0]?.output).toContain('unknown directive "listn" in /etc/nginx/conf.d/app.conf:1');
  expect((await host.exec("ls", "/etc/nginx/conf.d")).stdout).toBe("");
});

/** A package in a repository of its own, whose installation waits until somebody writes to its pipe. */
const slowPackage = `set -e
mkfifo /run/slow.pipe
mkdir -p /opt/debs/slow/DEBIAN && cd /opt/debs
printf 'Package: slow\\nVersion: 1.0\\nArchitecture: all\\nMaintainer: test <test@example.org>\\nDescription: test\\n' >slow/DEBIAN/control
printf '#!/bin/sh\\nread line </run/slow.pipe\\necho went on\\n' >slow/DEBIAN/postinst
chmod 755 slow/DEBIAN/postinst
dpkg-deb --build slow slow.deb
{ cat slow/DEBIAN/control; printf 'Filename: ./slow.deb\\nSize: %s\\nSHA256: %s\\n' "$(stat -c %s slow.deb)" "$(sha256sum slow.deb | cut -d' ' -f1)"; } >Packages
echo 'deb [trusted=yes] file:/opt/debs ./' >/etc/apt/sources.list.d/slow.list
`;

test("a package manager outlives the agent, and the same step waits for it", async () => {
  await host.exec("sh", "-c", slowPackage);
  const status = async (): Promise<string> => (await host.exec("dpkg-query", "-W", "-f", "${Status}", "slow", { reject: false })).stdout;
  const first = await verbsOf(host, "same-step");
  const broken = first.act("package.set", { name: "slow", state: "present" }).catch(String);
  await until("apt at work", async () =>
    (await status()) === "install ok half-configured" || (await status()) === "install ok unpacked" ? true : undefined,
  );
  await first.kill();
  expect(await broken).toContain("ended");
  const second = await verbsOf(host, "same-step");
  const again = second.act("package.set", { name: "slow", state: "present" });
  expect((await second.probe("package", { name: "slow" })).changing).toBe(true);
  await host.exec("sh", "-c", "echo go >/run/slow.pipe");
  await again;
  expect(await second.probe("package", { name: "slow" })).toMatchObject({ installed: true, version: "1.0" });
  expect(await status()).toBe("install ok installed");
  await second.close();
});

test("a controller installs a package, puts back what was killed, and blocks drop-ins in the plan", async () => {
  const nginx = resource("Service", "nginx", { on: "*", state: "running" });
  const tree = resource("Package", "tree", { on: "*", state: "present" });
  await stage.commit({ "manifests/all.yaml": manifest(everythingRuns, correctDrift, nginx, tree) });
  await stage.untilInSync();
  expect((await host.exec("dpkg-query", "-W", "-f", "${Status}", "tree")).stdout).toBe("install ok installed");
  expect((await stage.host("h1")).facts).toMatchObject({ init: "openrc" });
  const killedAt = Date.now();
  await host.exec("sh", "-c", "kill -KILL $(pidof nginx)");
  await until("nginx again", async () => ((await host.exec("pidof", "nginx", { reject: false })).code === 0 ? true : undefined));
  measured("killed nginx runs again", Date.now() - killedAt);
  const limited = resource("Service", "nginx", { on: "*", state: "running", dropIns: { limits: "[Service]\nLimitNOFILE=65536\n" } });
  await stage.commit({ "manifests/all.yaml": manifest(everythingRuns, limited) });
  const blocked = await until("a blocked instance", async () => {
    const one = await stage.instance("Service/nginx@h1");
    return one.state === "blocked" ? one : undefined;
  });
  expect(JSON.stringify(blocked)).toContain("drop-ins are not supported on OpenRC hosts");
});

test("the agent's log is rotated by size", async () => {
  await host.exec("sh", "-c", "head -c 11000000 /dev/zero | tr '\\0' x >>/var/log/ai-agent.log; rc-service ai-agent restart");
  await until("a rotated log", async () =>
    (await host.exec("test", "-e", "/var/log/ai-agent.log.1", { reject: false })).code === 0 ? true : undefined,
  );
  const log = await until("the agent again", async () => {
    const { stdout } = await host.exec("cat", "/var/log/ai-agent.log");
    return stdout.includes('"the agent starts"') ? stdout : undefined;
  });
  expect(log.length).toBeLessThan(100_000);
  expect((await host.exec("stat", "-c", "%s", "/var/log/ai-agent.log.1")).stdout).toMatch(/^11\d{6}\n$/);
});
