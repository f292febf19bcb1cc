import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Allowance, allowing } from "./allow.ts";
import { resolvePath } from "./resolve-path.ts";

const asItIs = (path: string) => Promise.resolve(path);
const all: Allowance = { verbs: ["*"], allowPaths: [], denyPaths: [], ownPaths: ["/var/lib/ai-agent"] };
const codeOf = async (allowance: Partial<Allowance>, verb: string, input: unknown, resolve = asItIs) =>
  (await allowing({ ...all, ...allowance })(verb, input, resolve))?.code ?? "ok";
const write = (path: string, allowance = {}) => codeOf(allowance, "file.write", { path });

test.each([
  "/etc/sudoers",
  "/etc/sudoers.d/x",
  "/etc/cron.d/x",
  "/etc/crontab",
  "/var/spool/cron/crontabs/root",
  "/etc/systemd/system/x.service",
  "/usr/lib/systemd/system/ssh.service",
  "/root/.ssh/authorized_keys",
  "/home/bob/.ssh/config",
  "/etc/ssh/ssh_host_ed25519_key",
  "/etc/pam.d/sudo",
  "/etc/passwd",
  "/etc/shadow-",
  "/etc/group",
  "/etc/ai-agent/agent.env",
  "/usr/local/lib/ai-agent/ai-agent",
  "/etc/polkit-1/rules.d/x",
  "/var/lib/ai-agent/memory.json",
  "/proc/sys/kernel/core_pattern",
  "/sys/x",
  "/dev/sda",
  "/boot/grub/grub.cfg",
])("%s is refused unless the agent's file names it", async (path) => {
  expect(await write(path)).toBe("agent/path-refused");
  expect(await write(path, { allowPaths: [path] })).toBe("ok");
  expect(await write(path, { allowPaths: [path], denyPaths: [path] })).toBe("agent/path-refused");
});

test.each(["/etc/nginx/nginx.conf", "/etc/ssh/sshd_config", "/srv/cron.d/x", "/home/bob/ssh", "/etc/sudoer"])(
  "%s is accepted",
  async (path) => {
    expect(await write(path)).toBe("ok");
  },
);

test("the pattern that matches deepest decides: a wide permission does not open what is refused below it", async () => {
  expect(await write("/etc/sudoers.d/x", { allowPaths: ["/etc/**"] })).toBe("agent/path-refused");
  expect(await write("/home/bob/.ssh/config", { allowPaths: ["/home/*"] })).toBe("agent/path-refused");
  expect(await write("/etc/nginx/x", { denyPaths: ["/**"], allowPaths: ["/etc/nginx"] })).toBe("ok");
  expect(await write("/etc/nginx/secret/x", { denyPaths: ["/**", "/etc/nginx/secret"], allowPaths: ["/etc/nginx"] })).toBe(
    "agent/path-refused",
  );
  expect(await write("/srv/x", { denyPaths: ["/**"], allowPaths: ["/etc/nginx"] })).toBe("agent/path-refused");
});

test("a link in a parent folder leads nowhere that is refused", async () => {
  const folder = await mkdtemp(join(tmpdir(), "allow-"));
  try {
    await mkdir(join(folder, "real"));
    await symlink("/etc", join(folder, "etc"));
    expect(await codeOf({}, "file.write", { path: join(folder, "etc/sudoers.d/new/x") }, resolvePath)).toBe("agent/path-refused");
    expect(await codeOf({ allowPaths: [folder], denyPaths: ["/**"] }, "file.write", { path: join(folder, "etc/motd") }, resolvePath)).toBe(
      "agent/path-refused",
    );
    expect(await codeOf({}, "file.write", { path: join(folder, "real/not/there/yet") }, resolvePath)).toBe("ok");
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("verbs: actions need a pattern, probes are free, an exclamation mark refuses both", async () => {
  const verbs = ["service.*", "!journal", "!service.restart"];
  expect(await codeOf({ verbs }, "service.set", { unit: "x.service" })).toBe("ok");
  expect(await codeOf({ verbs }, "service.restart", { unit: "x.service" })).toBe("agent/verb-refused");
  expect(await codeOf({ verbs }, "package.set", { name: "x" })).toBe("agent/verb-refused");
  expect(await codeOf({ verbs }, "file", { path: "/etc/hosts" })).toBe("ok");
  expect(await codeOf({ verbs }, "journal", { lines: 1 })).toBe("agent/verb-refused");
});

test("probes may look at a refused path but not give its text away; candidates of a check count as changes", async () => {
  expect(await codeOf({}, "file", { path: "/etc/shadow" })).toBe("ok");
  expect(await codeOf({}, "file", { path: "/etc/shadow", content: true })).toBe("agent/path-refused");
  expect(await codeOf({}, "file", { path: "/etc/shadow", values: { format: "keyvalue", keys: ["root"] } })).toBe("agent/path-refused");
  expect(await codeOf({}, "validate", { files: [{ path: "/etc/nginx/x" }, { path: "/etc/sudoers" }] })).toBe("agent/path-refused");
});

test("drop-ins have a verb of their own: only DENY_PATHS reaches them; the agent's own unit is out of reach", async () => {
  const dropIn = { unit: "nginx.service", dropIns: { limits: "[Service]\n" } };
  expect(await codeOf({}, "service.set", dropIn)).toBe("ok");
  expect(await codeOf({ denyPaths: ["/etc/systemd"] }, "service.set", dropIn)).toBe("agent/path-refused");
  for (const unit of ["ai-agent.service", "ai-.service", "ai-agent@x.service"])
    expect(await codeOf({}, "service.set", { unit, active: false })).toBe("agent/own-unit");
});
