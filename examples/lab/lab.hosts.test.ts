import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CommandFailed, down, gateway, type Host, host, lab, netSpawn, up } from "./lab.ts";

const h1 = host("h1");
const h2 = host("h2");

beforeAll(async () => {
  await down(); // what a broken-off run has left
  await up(2);
});
afterAll(down);

const bootId = async (machine: Host) => (await machine.exec("cat", "/proc/sys/kernel/random/boot_id")).stdout;
const reaches = async (from: Host, to: Host) => (await from.exec("ping", "-c1", "-W1", to.name, { reject: false })).code === 0;

test("a host is a whole system of its own", async () => {
  expect((await h1.exec("systemctl", "is-system-running")).stdout).toBe("running\n");
  expect((await h1.exec("cat", "/proc/1/comm", "/etc/hostname")).stdout).toBe("systemd\nh1\n");
  expect((await h1.exec("systemctl", "is-active", "dbus", "ssh", "nginx")).stdout).toBe("active\nactive\nactive\n");
  expect(await bootId(h1)).not.toBe(await bootId(h2));
  expect(await lab("list")).toBe(`h1 ${h1.ip} running linked\nh2 ${h2.ip} running linked`);
});

test("a host shows no network, process or mount of this machine", async () => {
  expect(JSON.parse((await h1.exec("ip", "-json", "link")).stdout).map((card: { ifname: string }) => card.ifname)).toEqual(["lo", "eth0"]);
  expect((await h1.exec("pgrep", "-x", "node", { reject: false })).code).toBe(1);
  expect((await h1.exec("findmnt", "-n", "-o", "SOURCE", "/")).stdout).toBe("h1\n");
});

test("arguments, input and exit status pass through untouched", async () => {
  const odd = ["a b", "", "$HOME", "'\"", "line\nend", "--", "*"];
  expect((await h1.exec("printf", "%s\\0", ...odd)).stdout.split("\0").slice(0, -1)).toEqual(odd);
  expect((await h1.exec("cat", { input: "typed" })).stdout).toBe("typed");
  expect(await h1.exec("sh", "-c", "echo no >&2; exit 7", { reject: false })).toEqual({ code: 7, stdout: "", stderr: "no\n" });
  const failure = await h1.exec("ls", "/absent").catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(CommandFailed);
  expect(failure).toMatchObject({
    code: 2,
    stdout: "",
    stderr: expect.stringContaining("/absent"),
    command: expect.arrayContaining(["ls"]),
  });
});

test("a command that is given up does not go on in the host", async () => {
  await h1.exec("sleep", "4711", { reject: false, timeout: 300 });
  await expect.poll(async () => (await h1.exec("pgrep", "-r", "S,R", "-f", "sleep 4711", { reject: false })).code).toBe(1);
});

test("files and folders can be pushed", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lab-"));
  await writeFile(join(folder, "hello"), "#!/bin/sh\necho hello\n", { mode: 0o755 });
  await h1.push(join(folder, "hello"), "/opt/one/hi");
  await h1.push(folder, "/opt/two");
  await rm(folder, { recursive: true });
  expect((await h1.exec("/opt/one/hi")).stdout).toBe("hello\n");
  expect((await h1.exec("stat", "-c", "%U %a", "/opt/two/hello")).stdout).toBe("root 755\n");
});

test("hosts reach each other until the link is cut, and again when it is healed", async () => {
  expect(await reaches(h1, h2)).toBe(true);
  await h2.cut();
  expect(await reaches(h1, h2)).toBe(false);
  expect((await h2.exec("systemctl", "is-active", "nginx")).stdout).toBe("active\n");
  await h2.heal();
  expect(await reaches(h1, h2)).toBe(true);
});

test("a program of this machine serves the hosts at the gateway", async () => {
  const address = await gateway();
  const server = `require("node:http").createServer((_, answer) => answer.end("served")).listen(8080, "${address}", () => console.log("up"))`;
  const child = netSpawn([process.execPath, "-e", server], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout ?? child, "data");
  expect((await h1.exec("curl", "-sS", `http://${address}:8080/`)).stdout).toBe("served");
  child.kill();
  expect(await once(child, "exit")).toEqual([null, "SIGTERM"]);
  expect((await h1.exec("curl", "-sS", `http://${address}:8080/`, { reject: false })).code).toBe(7);
});

test("power cut, shutdown and reboot each lead to another boot of the same host", async () => {
  const boots = [await bootId(h2)];
  await h2.exec("touch", "/etc/kept", "/run/lost");
  await h2.kill();
  expect(await lab("list")).toContain(`h2 ${h2.ip} off`);
  expect(await reaches(h1, h2)).toBe(false);
  await expect(h2.exec("true")).rejects.toThrow("h2 is off");
  await h2.start();
  boots.push(await bootId(h2));
  await h2.stop();
  await h2.start();
  boots.push(await bootId(h2));
  await h2.reboot();
  boots.push(await bootId(h2));
  expect(new Set(boots).size).toBe(4);
  expect((await h2.exec("ls", "/etc/kept", "/run/lost", { reject: false })).stdout).toBe("/etc/kept\n");
  expect(await reaches(h1, h2)).toBe(true);
  const journal = await h2.exec("journalctl", "--list-boots", "--no-pager", "--quiet");
  for (const id of boots) expect(journal.stdout).toContain(id.trim().replaceAll("-", ""));
});

test("apt works inside a host, and what it installs stays there", async () => {
  await h1.exec("apt-get", "update");
  await h1.exec("apt-get", "install", "-y", "hello");
  expect((await h1.exec("hello")).stdout).toBe("Hello, world!\n");
  expect((await h2.exec("dpkg-query", "-W", "hello", { reject: false })).code).toBe(1);
});

test("the sandboxes that agents use work", async () => {
  const sandbox = (...args: string[]) => h1.exec("systemd-run", "--wait", "--pipe", "--quiet", "-p", "PrivateMounts=yes", ...args);
  expect((await sandbox("-p", "PrivateNetwork=yes", "--", "ip", "-brief", "link")).stdout).toMatch(/^lo .*\n$/);
  const overlay = [
    "mkdir -p /run/try/upper /run/try/scratch",
    "mount -t overlay try -o lowerdir=/etc,upperdir=/run/try/upper,workdir=/run/try/scratch /etc",
    "rm /etc/issue; echo 'events {}' >/etc/nginx/nginx.conf; nginx -t",
  ].join(" && ");
  await sandbox("-p", "MemoryMax=64M", "-p", "ProtectHome=yes", "-p", "PrivateDevices=yes", "--", "sh", "-c", overlay);
  expect((await h1.exec("head", "-n1", "/etc/issue", "/etc/nginx/nginx.conf")).stdout).not.toContain("events {}");
  const greedy = await h1.exec("systemd-run", "--wait", "--quiet", "-p", "MemoryMax=16M", "--", "tail", "-c", "64M", "/dev/zero", {
    reject: false,
  });
  expect(greedy.code).not.toBe(0);
});

test("changes of units are seen on D-Bus", async () => {
  const seen = h2.exec("timeout", "2", "busctl", "monitor", "org.freedesktop.systemd1", { reject: false });
  await h2.exec("sh", "-c", "sleep 0.5; systemctl restart nginx");
  expect((await seen).stdout).toContain("/org/freedesktop/systemd1/unit/nginx_2eservice");
});
