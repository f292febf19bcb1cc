import { type Call, endpoint, type Endpoint, type Endpoints, guestOf, numberIn, textIn } from "../endpoint.ts";
import { flag, integer, many, must, type Parameters, text } from "../parameters.ts";
import type { Permission } from "../permissions.ts";
import { failed } from "../refused.ts";
import { BadRequest } from "../request.ts";
import { type Guest, type InsideProcess, type State, waitFor } from "../state.ts";
import { splitProperties } from "../property-strings.ts";
import { nameOf } from "./config.ts";
import { dhcpAddress, linkLocal } from "./status.ts";

/** Whether a VM's agent answers now. */
const answers = (state: State, guest: Guest): boolean =>
  guest.agent && !guest.paused && guest.agentAt <= state.time.now() && /^(1|enabled=1)/.test(String(guest.config["agent"] ?? ""));

/** The VM, once its agent has answered; else Proxmox VE's refusal, after the time that it waits. */
async function reach(call: Call): Promise<Guest> {
  const guest = guestOf(call, "qemu");
  if (!guest.running) throw failed(`VM ${guest.id} is not running`);
  if (!/^(1|enabled=1)/.test(String(guest.config["agent"] ?? ""))) throw failed("No QEMU guest agent configured");
  if (answers(call.state, guest)) return guest;
  await waitFor(call.state, call.state.pace.agentWait);
  throw failed("QEMU guest agent is not running");
}

/** Programs that the pretend system inside knows; anything else is not found there. */
const programs =
  /^(\/(usr\/)?s?bin\/)?(sh|bash|true|false|cat|hostname|uname|id|echo|sleep|systemctl|mkdir|chmod|test|curl|wget|dd|rm|mv|ls|sha256sum)$/;

async function exec(call: Call): Promise<object> {
  const guest = await reach(call),
    command = call.params["command"] as string[];
  if (!programs.test(command[0] ?? "")) {
    await waitFor(call.state, call.state.pace.agentWait * 1.7);
    throw new BadRequest(596, "Broken pipe", false);
  }
  const pid = (guest.inside.nextPid += 7);
  guest.inside.processes.set(pid, runInside(call.state, guest, command, textIn(call, "input-data") ?? ""));
  return { pid };
}

/** What a program of the pretend system does: as much as clients and their tests ask of it. */
function runInside(state: State, guest: Guest, command: readonly string[], input: string): InsideProcess {
  const program = command[0]!.split("/").at(-1)!,
    now = state.time.now();
  const ends = (out: string, exitcode = 0, err = "", ms = 300): InsideProcess => ({
    endsAt: now + ms,
    out,
    err,
    exitcode,
    signal: undefined,
  });
  if (program === "cat") return ends(input);
  if (program === "false") return ends("", 1);
  if (program === "hostname") return ends(`${nameOf(guest)}\n`);
  if (program === "uname") return ends("Linux\n");
  if (program === "id") return ends("uid=0(root) gid=0(root) groups=0(root)\n");
  if (program === "echo") return ends(`${command.slice(1).join(" ")}\n`);
  if (program === "sleep") return ends("", 0, "", Number(command[1] ?? 1) * 1000);
  if (program !== "sh" && program !== "bash") return ends("");
  return shell(command, ends, now);
}

function shell(
  command: readonly string[],
  ends: (out: string, exitcode?: number, err?: string, ms?: number) => InsideProcess,
  now: number,
): InsideProcess {
  const script = command[2] ?? "";
  if (/kill -9 \$\$/.test(script)) return { endsAt: now + 300, out: "", err: "", exitcode: undefined, signal: 9 };
  const sleeps = Number(/sleep (\d+)/.exec(script)?.[1] ?? 0) * 1000,
    exit = Number(/exit (\d+)/.exec(script)?.[1] ?? 0),
    many = Number(/head -c (\d+)/.exec(script)?.[1] ?? 0);
  const err = /echo (\w+) >&2/.exec(script)?.[1],
    out = script.replace(/echo \w+ >&2;?/, "").match(/echo "?([^;"]+?)"?\s*(;|$)/)?.[1];
  if (script.startsWith("env"))
    return ends(
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nLANG=C.UTF-8\nPWD=/\n/\nuid=0(root) gid=0(root) groups=0(root)\n0022\n",
    );
  const said =
    many > 0 ? "x".repeat(many) : out === undefined ? "" : `${out.replace("$0", command[3] ?? "").replace("$1", command[4] ?? "")}\n`;
  return ends(said, exit, err === undefined ? "" : `${err}\n`, 300 + sleeps);
}

async function execStatus(call: Call): Promise<object> {
  const guest = await reach(call),
    pid = numberIn(call, "pid")!,
    process = guest.inside.processes.get(pid);
  if (process === undefined) throw failed("Agent error: Invalid parameter 'pid'");
  if (process.endsAt > call.state.time.now()) return { exited: 0 };
  // The exit can be read once.
  guest.inside.processes.delete(pid);
  const { out, err, exitcode, signal } = process;
  return {
    exited: 1,
    ...(exitcode === undefined ? {} : { exitcode }),
    ...(signal === undefined ? {} : { signal }),
    ...(out === "" ? {} : { "out-data": out, "out-truncated": 0 }),
    ...(err === "" ? {} : { "err-data": err, "err-truncated": 0 }),
  };
}

const directories = /^\/(root|tmp|etc|usr|var|opt|home|srv|run)(\/|$)/;

async function writeFile(call: Call): Promise<undefined> {
  const guest = await reach(call),
    file = textIn(call, "file")!,
    content = textIn(call, "content")!;
  if (!directories.test(file)) throw failed(`Agent error: failed to open file '${file}' (mode: 'wb'): No such file or directory`);
  guest.inside.files.set(file, Buffer.from(content, call.params["encode"] === 0 ? "base64" : "utf8"));
  return undefined;
}

async function readFile(call: Call): Promise<object> {
  const guest = await reach(call),
    file = textIn(call, "file")!,
    content = guest.inside.files.get(file);
  if (content === undefined) throw failed(`Agent error: failed to open file '${file}' (mode: 'r'): No such file or directory`);
  const utf8 = content.toString("utf8");
  return { "bytes-read": content.length, content: Buffer.from(utf8, "utf8").equals(content) ? utf8 : content.toString("latin1") };
}

function networks(guest: Guest): object[] {
  const one = (text: string, type: string): object => ({
    "ip-address": text.split("/")[0],
    prefix: Number(text.split("/")[1]),
    "ip-address-type": type,
  });
  const nothing = Object.fromEntries(
    "rx-bytes rx-dropped rx-errs rx-packets tx-bytes tx-dropped tx-errs tx-packets".split(" ").map((name) => [name, 0]),
  );
  const lo = {
    name: "lo",
    "hardware-address": "00:00:00:00:00:00",
    "ip-addresses": [one("127.0.0.1/8", "ipv4"), one("::1/128", "ipv6")],
    statistics: nothing,
  };
  const cards = Object.entries(guest.config)
    .filter(([key]) => /^net\d+$/.test(key))
    .map(([key, value]) => {
      const mac = (splitProperties("vm-net", String(value))["macaddr"] ?? "").toLowerCase(),
        wanted = splitProperties("vm-ipconfig", String(guest.config[`ipconfig${key.slice(3)}`] ?? ""))["ip"];
      const ip =
        wanted === undefined && key !== "net0" ? undefined : wanted === undefined || wanted === "dhcp" ? dhcpAddress(guest, key) : wanted;
      const named = { name: `eth${key.slice(3)}`, "hardware-address": mac };
      return ip === undefined
        ? named
        : { ...named, statistics: nothing, "ip-addresses": [one(ip, "ipv4"), one(`${linkLocal(mac)}/64`, "ipv6")] };
    });
  return [lo, ...cards];
}

const os = {
  id: "debian",
  name: "Debian GNU/Linux",
  "pretty-name": "Debian GNU/Linux 12 (bookworm)",
  version: "12 (bookworm)",
  "version-id": "12",
  machine: "x86_64",
  "kernel-release": "6.1.0-50-cloud-amd64",
  "kernel-version": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.176-1 (2026-07-02)",
};
const commands =
  "guest-ping guest-info guest-exec guest-exec-status guest-file-open guest-file-read guest-file-write guest-get-osinfo guest-network-get-interfaces guest-fsfreeze-status guest-shutdown guest-get-time";
const disk = (guest: Guest): object => ({
  name: "sda1",
  mountpoint: "/",
  type: "ext4",
  "total-bytes": 1_951_928_320,
  "used-bytes": 517_726_208,
  disk: [
    {
      dev: "/dev/sda1",
      serial: "0QEMU_QEMU_HARDDISK_drive-scsi0",
      bus: 0,
      unit: 0,
      target: 0,
      "bus-type": "scsi",
      "pci-controller": { bus: guest.id % 8, slot: 1, function: 0, domain: 0 },
    },
  ],
});

/** Questions to the agent, with what it says. */
const questions: Readonly<Record<string, (guest: Guest, state: State) => unknown>> = {
  "GET info": () => ({
    version: "9.2.0",
    supported_commands: commands.split(" ").map((name) => ({ name, enabled: true, "success-response": true })),
  }),
  "GET get-osinfo": () => os,
  "GET get-host-name": (guest) => ({ "host-name": nameOf(guest) }),
  "GET network-get-interfaces": networks,
  "GET get-fsinfo": (guest) => [disk(guest)],
  "GET get-time": (_, state) => state.time.now() * 1_000_000,
  "GET get-timezone": () => ({ zone: "UTC", offset: 0 }),
  "GET get-users": () => [],
  "GET get-vcpus": () => [{ online: true, "can-offline": false, "logical-id": 0 }],
  "GET get-memory-block-info": () => ({ size: 134_217_728 }),
  "POST ping": () => ({}),
  "POST fsfreeze-status": () => "thawed",
};

const monitor: Permission = {
  path: "/vms/{vmid}",
  any: ["VM.Monitor"],
  from9: ["VM.GuestAgent.Unrestricted"],
};
const allowing = (...from9: string[]): Permission => ({ ...monitor, from9: [...from9, "VM.GuestAgent.Unrestricted"] });
const path = "/nodes/{node}/qemu/{vmid}/agent";
const asked = (permission: Permission, parameters: Parameters, handle: Endpoint["handle"]): Endpoint =>
  endpoint(permission, parameters, handle, { withoutQuorum: true });

/** The guest agent inside VMs. */
export const agentEndpoints: Endpoints = {
  ...Object.fromEntries(
    Object.entries(questions).map(([line, answer]) => {
      const [method, name] = line.split(" ");
      return [
        `${method} ${path}/${name}`,
        asked(allowing("VM.GuestAgent.Audit"), {}, async (call) => ({ result: answer(await reach(call), call.state) })),
      ];
    }),
  ),
  [`POST ${path}/set-user-password`]: asked(
    monitor,
    { username: must(text()), password: must(text({ minLength: 5, maxLength: 1024 })), crypted: flag },
    async (call) => {
      await reach(call);
      return { result: {} };
    },
  ),
  [`POST ${path}/exec`]: asked(monitor, { command: must(many()), "input-data": text({ maxLength: 65_536 }) }, exec),
  [`GET ${path}/exec-status`]: asked(monitor, { pid: must(integer()) }, execStatus),
  [`POST ${path}/file-write`]: asked(
    allowing("VM.GuestAgent.FileWrite"),
    { file: must(text()), content: must(text({ maxLength: 61_440 })), encode: flag },
    writeFile,
  ),
  [`GET ${path}/file-read`]: asked(allowing("VM.GuestAgent.FileRead"), { file: must(text()) }, readFile),
};
