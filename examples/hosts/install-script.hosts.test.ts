import { createHash } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { installScript } from "../../controller/hub/install-script.ts";
import { down, type Host, up } from "../lab/lab.ts";

/** Pretend programs in place of the agents: each tells which one it is, and "runs" as a service does. The ones for musl need a library. */
const program = (name: string): string => `#!/bin/sh
# ${name}
${name.endsWith("-musl") ? '[ -e /opt/libstdc++ ] || { echo "Error loading shared library libstdc++.so.6: No such file or directory (needed by $0)" >&2; exit 127; }' : ""}
case $1 in
  --version) echo 0.0.1 ;;
  enrol) read -r token; mkdir -p /var/lib/ai-agent; echo "$token" >/var/lib/ai-agent/identity.json ;;
  run) echo ${name} runs; exec sleep 100000 ;;
esac
`;
const names = ["agent-linux-x64", "agent-linux-x64-musl", "agent-linux-arm64", "agent-linux-arm64-musl"];
const artifacts = new Map([...names.map((name) => [name, program(name)] as const), ["agent.cjs", program("agent.cjs")] as const]);
const script = installScript(
  [...artifacts].map(([name, text]) => ({
    name,
    path: `/opt/artifacts/${name}`,
    size: text.length,
    sha256: createHash("sha256").update(text).digest("hex"),
  })),
);

/** The network, the machine and apk as the test wants them; `node` is one that runs shell scripts. */
const pretend: Readonly<Record<string, string>> = {
  curl: '#!/bin/sh\nwhile [ $# -gt 1 ]; do [ "$1" != --output ] || out=$2; shift; done\ncp "/opt/artifacts/${1##*/}" "$out"\n',
  ldd: '#!/bin/sh\necho "musl libc (x86_64)" >&2; exit 1\n',
  uname: "#!/bin/sh\ncat /opt/machine\n",
  apk: '#!/bin/sh\necho "$*" >>/opt/apk.log\n[ -e /opt/apk-works ] && touch /opt/libstdc++\n',
  "rc-update": "#!/bin/sh\nexit 1\n",
  node: '#!/bin/sh\n[ "$1" != -p ] || { echo true; exit; }\nwhile case $1 in --*) true ;; *) false ;; esac; do shift; done\nexec sh "$@"\n',
};

let host: Host;

const put = (path: string, text: string) =>
  host.exec("sh", "-c", 'mkdir -p "$(dirname "$1")" && cat >"$1" && chmod 755 "$1"', "sh", path, { input: text });

beforeAll(async () => {
  await down();
  host = (await up(1, { os: "openrc" }))[0] as Host;
  for (const [name, text] of artifacts) await put(`/opt/artifacts/${name}`, text);
  await put("/opt/install-agent.sh", script);
  await put("/opt/ca.pem", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n");
});
afterAll(down);
beforeEach(async () => {
  await host.exec("sh", "/opt/install-agent.sh", "--uninstall");
  await host.exec("sh", "-c", "rm -rf /opt/pretend /opt/libstdc++ /opt/apk-works /opt/apk.log /lib/ld-musl-*");
});

interface Machine {
  readonly arch: string;
  /** The host's own; or `beside`: a host of glibc that has musl as well. */
  readonly musl?: boolean | "beside";
  readonly has?: readonly string[];
}

async function install({ arch, musl = false, has = [] }: Machine) {
  for (const name of ["curl", "uname", ...(musl === true ? ["ldd"] : []), ...has])
    await put(`/opt/pretend/${name}`, pretend[name] as string);
  await put("/opt/machine", `${arch}\n`);
  if (musl !== false) await put(`/lib/ld-musl-${arch}.so.1`, "");
  const command = "PATH=/opt/pretend:$PATH sh /opt/install-agent.sh --url https://controller:3001 --ca /opt/ca.pem";
  return host.exec("sh", "-c", command, { input: "bai_token\n", reject: false });
}

/** Which pretend agent is installed, and says in the service's log that it runs. */
const installed = async (): Promise<string> =>
  (await host.exec("sh", "-c", "sed -n 2p /usr/local/lib/ai-agent/ai-agent; cat /var/log/ai-agent.log")).stdout;
const left = async (): Promise<string> =>
  (
    await host.exec(
      "sh",
      "-c",
      "ls -d /usr/local/lib/ai-agent /etc/ai-agent /var/lib/ai-agent /etc/init.d/ai-agent /usr/local/bin/ai-agent 2>/dev/null",
      { reject: false },
    )
  ).stdout;

test.each([
  [{ arch: "x86_64" }, "agent-linux-x64"],
  [{ arch: "aarch64" }, "agent-linux-arm64"],
  [{ arch: "x86_64", musl: true }, "agent-linux-x64-musl"],
  [{ arch: "aarch64", musl: true }, "agent-linux-arm64-musl"],
  [{ arch: "x86_64", musl: "beside" }, "agent-linux-x64"],
] as const)("%j gets %s, which runs as a service until it is removed", async (machine, name) => {
  await put("/opt/libstdc++", "");
  expect(await install(machine)).toMatchObject({ code: 0, stderr: expect.stringContaining("the agent 0.0.1 runs; see: rc-service") });
  expect(await installed()).toBe(`# ${name}\n${name} runs\n`);
  expect((await host.exec("rc-service", "ai-agent", "status")).stdout).toContain("started");
  expect((await host.exec("ls", "/etc/runlevels/default/ai-agent")).code).toBe(0);
  await host.exec("sh", "/usr/local/lib/ai-agent/install-agent.sh", "--uninstall");
  expect(await left()).toBe("");
  expect((await host.exec("sh", "-c", "ls /var/log/ai-agent.log* /etc/runlevels/default/ai-agent", { reject: false })).stdout).toBe("");
});

test("on musl without libstdc++ apk brings it, and that is said", async () => {
  await put("/opt/apk-works", "");
  const outcome = await install({ arch: "x86_64", musl: true, has: ["apk"] });
  expect(outcome).toMatchObject({ code: 0, stderr: expect.stringContaining("installing libstdc++, which the agent needs") });
  expect((await host.exec("cat", "/opt/apk.log")).stdout).toBe("add --quiet libstdc++\n");
  expect(await installed()).toContain("agent-linux-x64-musl runs");
});

test.each([[["apk"]], [[]]] as const)(
  "on musl without libstdc++ that %j cannot bring, the reason is told and nothing is left",
  async (has) => {
    const outcome = await install({ arch: "x86_64", musl: true, has });
    expect(outcome.code).not.toBe(0);
    expect(outcome.stderr).toMatch(/agent-linux-x64-musl does not run on this machine: Error loading shared library libstdc\+\+\.so\.6/);
    expect(outcome.stderr).toContain("no program that runs on x86_64-musl, and there is no Node 22");
    expect(await left()).toBe("");
  },
);

test("a processor that there is no program for runs agent.cjs by Node, or is told", async () => {
  const without = await install({ arch: "riscv64" });
  expect(without.code).not.toBe(0);
  expect(without.stderr).toContain("no program that runs on riscv64, and there is no Node 22 or later");
  expect(await left()).toBe("");
  const outcome = await install({ arch: "riscv64", has: ["node"] });
  expect(outcome.code).toBe(0);
  expect((await host.exec("cat", "/var/log/ai-agent.log")).stdout).toBe("agent.cjs runs\n");
  expect((await host.exec("head", "-n", "2", "/usr/local/lib/ai-agent/ai-agent")).stdout).toContain("/opt/pretend/node");
});

test("a download that is not the one of the script is refused, and the version before stays", async () => {
  expect((await install({ arch: "x86_64" })).code).toBe(0);
  await put("/opt/artifacts/agent-linux-x64", `${program("agent-linux-x64")}# other\n`);
  const outcome = await install({ arch: "x86_64" });
  await put("/opt/artifacts/agent-linux-x64", program("agent-linux-x64"));
  expect(outcome.code).not.toBe(0);
  expect(outcome.stderr).toContain("the download of agent-linux-x64 is damaged, or is not the one this script was made for");
  expect((await host.exec("rc-service", "ai-agent", "status")).stdout).toContain("started");
});

/** The program, what leads to it, the versions, and what the service starts. */
const layout = async (): Promise<string> =>
  (
    await host.exec(
      "sh",
      "-c",
      "cd /usr/local/lib/ai-agent; sed -n 2p ai-agent; readlink ai-agent current; ls versions start; ls -A; sed -n s/^command=//p /etc/init.d/ai-agent",
      { reject: false },
    )
  ).stdout;

test("an installation from before versions lay side by side is taken over, and put back where that fails", async () => {
  await put("/usr/local/lib/ai-agent/ai-agent", program("the old one"));
  await put("/usr/local/lib/ai-agent/install-agent.sh", "");
  await put(
    "/etc/init.d/ai-agent",
    "#!/sbin/openrc-run\nsupervisor=supervise-daemon\ncommand=/usr/local/lib/ai-agent/ai-agent\ncommand_args=run\n",
  );
  await put("/etc/ai-agent/ca.pem", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n");
  await put("/var/lib/ai-agent/identity.json", "me\n");
  const before = await layout();
  expect(before).toBe("# the old one\nai-agent\ninstall-agent.sh\n/usr/local/lib/ai-agent/ai-agent\n");
  const broken = await install({ arch: "x86_64", has: ["rc-update"] });
  expect([broken.code, broken.stderr]).toEqual([1, expect.stringContaining("putting back the version before")]);
  expect(await layout()).toBe(before);
  expect((await host.exec("rc-service", "ai-agent", "status")).stdout).toContain("started");

  await host.exec("rm", "-r", "/opt/pretend");
  expect(await install({ arch: "x86_64" })).toMatchObject({ code: 0 });
  const digest = createHash("sha256").update(program("agent-linux-x64")).digest("hex").slice(0, 12);
  const after = await layout();
  expect(after).toBe(
    `# agent-linux-x64\ncurrent/ai-agent\nversions/0.0.1-${digest}\nstart\n\nversions:\n0.0.1-${digest}\nai-agent\ncurrent\ninstall-agent.sh\nstart\nversions\n/usr/local/lib/ai-agent/start\n`,
  );
  expect((await host.exec("cat", "/var/lib/ai-agent/identity.json")).stdout).toBe("me\n");

  expect((await install({ arch: "x86_64", has: ["rc-update"] })).code).toBe(1);
  expect(await layout()).toBe(after);
  expect((await host.exec("rc-service", "ai-agent", "status")).stdout).toContain("started");
});
