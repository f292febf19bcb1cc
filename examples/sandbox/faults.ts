import { failure } from "../../agent/platform/failure.ts";
import { pause } from "../../agent/runtime/clock.ts";
import type { By } from "../../agent/runtime/verbs.ts";
import { nearest } from "../../schemas/selector/nearest.ts";
import { contentOf } from "./host/content.ts";
import { dropFile, fileAt, putFile } from "./host/files.ts";
import type { PretendFile } from "./host/parts.ts";
import { installPackage, packageOn, removePackage } from "./host/packages.ts";
import { bootUnits, enableUnit, killUnit, maskUnit, reloadUnit, restartUnit, startUnit, stopUnit } from "./host/services.ts";
import { befall, log, tell } from "./host/world.ts";
import type { PretendHost, PretendLink } from "./pretend-host.ts";

/** Something that can be done to a pretend host behind the controller's back. */
export interface Fault {
  readonly usage: string;
  readonly does: string;
  /** Does it and says what it did; `words` is what stood behind the fault's name. */
  break(host: PretendHost, words: readonly string[], who: string): Promise<string>;
}

const unitOf = (words: readonly string[]): string => {
  const name = word(words, 0, "a unit");
  return name.includes(".") ? name : `${name}.service`;
};

function word(words: readonly string[], at: number, what: string): string {
  const found = words[at];
  if (found === undefined) throw failure("sandbox/usage", `Unable to break it: ${what} is missing`);
  return found;
}

function number(text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!Number.isFinite(value) || value < 0) throw failure("sandbox/usage", `Unable to break it: ${text} is no number`);
  return value;
}

/** What somebody with sudo does, with the line that sudo leaves in the log. */
function somebody(host: PretendHost, who: string, how: string): By {
  log(host, undefined, 5, `${who} : TTY=pts/0 ; PWD=/home/${who} ; USER=root ; COMMAND=${how}`);
  return { who: `${who} (sudo)`, how };
}

const onUnit = (verb: string, does: string, run: (host: PretendHost, unit: string, by: By) => void | Promise<void>): Fault => ({
  usage: `${verb} UNIT`,
  does,
  async break(host, words, who) {
    const unit = unitOf(words);
    await run(host, unit, somebody(host, who, `/usr/bin/systemctl ${verb} ${unit}`));
    return `${who} did systemctl ${verb} ${unit} on ${host.name}`;
  },
});

function changeFile(host: PretendHost, path: string, change: (now: PretendFile) => PretendFile, by: By): void {
  const now = fileAt(host, path);
  if (now === undefined) throw failure("sandbox/no-file", `Unable to change ${path} on ${host.name}: there is no such file`);
  putFile(host, path, change(now), by);
}

function setLink(host: PretendHost, link: Partial<PretendLink>): void {
  host.link = { ...host.link, ...link };
  befall(host, "link");
}

const link = (is: PretendLink["is"], does: string): Fault => ({
  usage: `${is} [SECONDS]`,
  does,
  async break(host, words) {
    const seconds = number(words[0], 0);
    setLink(host, { is });
    if (seconds > 0) host.clock.after(seconds * 1000, () => setLink(host, { is: "up" }));
    return `${host.name} is ${is}${seconds > 0 ? ` for ${seconds} s` : ""}`;
  },
});

/** Everything that can be broken, by name. */
export const faults: Readonly<Record<string, Fault>> = {
  kill: {
    usage: "kill UNIT",
    does: "ends the unit's process by kill -9",
    async break(host, words) {
      killUnit(host, unitOf(words));
      return `killed ${unitOf(words)} on ${host.name}`;
    },
  },
  stop: onUnit("stop", "stops a unit", (host, unit, by) => stopUnit(host, unit, { by })),
  start: onUnit("start", "starts a unit", (host, unit, by) => startUnit(host, unit, { by })),
  restart: onUnit("restart", "restarts a unit", (host, unit, by) => restartUnit(host, unit, { by })),
  reload: onUnit("reload", "reloads a unit", (host, unit, by) => reloadUnit(host, unit, { by })),
  disable: onUnit("disable", "disables a unit", (host, unit, by) => enableUnit(host, unit, false, by)),
  enable: onUnit("enable", "enables a unit", (host, unit, by) => enableUnit(host, unit, true, by)),
  mask: onUnit("mask", "masks a unit", (host, unit, by) => maskUnit(host, unit, true, by)),
  unmask: onUnit("unmask", "unmasks a unit", (host, unit, by) => maskUnit(host, unit, false, by)),
  edit: {
    usage: "edit PATH [LINE]",
    does: "adds a line to a file",
    async break(host, words, who) {
      const path = word(words, 0, "a path"),
        line = words.slice(1).join(" ") || `# changed by ${who}`;
      changeFile(
        host,
        path,
        (now) => ({ ...now, content: contentOf(`${now.content.text ?? ""}${line}\n`) }),
        somebody(host, who, `/usr/bin/vim ${path}`),
      );
      return `${who} added "${line}" to ${path} on ${host.name}`;
    },
  },
  write: {
    usage: "write PATH TEXT",
    does: "replaces a file's text, or makes the file",
    async break(host, words, who) {
      const path = word(words, 0, "a path"),
        now = fileAt(host, path) ?? { owner: "root", group: "root", mode: "0644" };
      putFile(host, path, { ...now, content: contentOf(`${words.slice(1).join(" ")}\n`) }, somebody(host, who, `/usr/bin/tee ${path}`));
      return `${who} wrote ${path} on ${host.name}`;
    },
  },
  delete: {
    usage: "delete PATH",
    does: "deletes a file",
    async break(host, words, who) {
      const path = word(words, 0, "a path");
      if (fileAt(host, path) === undefined)
        throw failure("sandbox/no-file", `Unable to delete ${path} on ${host.name}: there is no such file`);
      dropFile(host, path, somebody(host, who, `/usr/bin/rm ${path}`));
      return `${who} deleted ${path} on ${host.name}`;
    },
  },
  chmod: {
    usage: "chmod MODE PATH",
    does: "changes a file's mode",
    async break(host, words, who) {
      const mode = word(words, 0, "a mode").padStart(4, "0"),
        path = word(words, 1, "a path");
      if (!/^[0-7]{4}$/.test(mode)) throw failure("sandbox/usage", `Unable to set the mode ${words[0]}: it is not octal`);
      changeFile(host, path, (now) => ({ ...now, mode }), somebody(host, who, `/usr/bin/chmod ${mode} ${path}`));
      return `${who} set the mode of ${path} on ${host.name} to ${mode}`;
    },
  },
  chown: {
    usage: "chown OWNER PATH",
    does: "changes a file's owner",
    async break(host, words, who) {
      const owner = word(words, 0, "an owner"),
        path = word(words, 1, "a path");
      changeFile(host, path, (now) => ({ ...now, owner }), somebody(host, who, `/usr/bin/chown ${owner} ${path}`));
      return `${who} gave ${path} on ${host.name} to ${owner}`;
    },
  },
  remove: {
    usage: "remove PACKAGE",
    does: "removes a package",
    async break(host, words, who) {
      const name = word(words, 0, "a package"),
        how = host.image.system.manager === "apk" ? `/sbin/apk del ${name}` : `/usr/bin/apt-get remove ${name}`;
      if (packageOn(host, name) === undefined)
        throw failure("sandbox/no-package", `Unable to remove ${name} from ${host.name}: it is not installed`);
      await removePackage(host, name, false, { by: somebody(host, who, how) });
      return `${who} removed ${name} from ${host.name}`;
    },
  },
  install: {
    usage: "install PACKAGE [VERSION]",
    does: "installs a package",
    async break(host, words, who) {
      const name = word(words, 0, "a package");
      await installPackage(host, name, words[1], {
        by: somebody(host, who, host.image.system.manager === "apk" ? `/sbin/apk add ${name}` : `/usr/bin/apt-get install ${name}`),
      });
      return `${who} installed ${name} on ${host.name}`;
    },
  },
  hold: {
    usage: "hold PACKAGE",
    does: "holds a package at its version",
    async break(host, words, who) {
      const name = word(words, 0, "a package"),
        state = packageOn(host, name);
      if (state === undefined) throw failure("sandbox/no-package", `Unable to hold ${name} on ${host.name}: it is not installed`);
      host.packages.set(name, { ...state, held: true });
      tell(host, { probe: "package", key: name, by: somebody(host, who, `/usr/bin/apt-mark hold ${name}`) });
      return `${who} holds ${name} on ${host.name} at ${state.version}`;
    },
  },
  silent: link("silent", "lets all messages vanish, as a dead network does"),
  cut: link("cut", "closes the connection and refuses new ones"),
  restore: {
    usage: "restore",
    does: "mends the link",
    async break(host) {
      setLink(host, { is: "up", delayMs: 0 });
      return `${host.name} is reachable`;
    },
  },
  slow: {
    usage: "slow MILLISECONDS",
    does: "delays every message",
    async break(host, words) {
      setLink(host, { delayMs: number(words[0], 1000) });
      return `messages of ${host.name} take ${host.link.delayMs} ms more`;
    },
  },
  crash: {
    usage: "crash",
    does: "ends the agent; its init system starts it again",
    async break(host) {
      befall(host, "agent-crash");
      return `the agent of ${host.name} crashed`;
    },
  },
  fail: {
    usage: "fail ACTION [TIMES]",
    does: "lets the next actions fail; ACTION may be a pattern such as service.*",
    async break(host, words) {
      const action = word(words, 0, "an action"),
        times = number(words[1], 1);
      host.failures.push({ action, times, text: "the sandbox was told to let it fail" });
      return `the next ${times} of ${action} on ${host.name} fail`;
    },
  },
  busy: {
    usage: "busy [PERCENT]",
    does: "keeps the processors busy",
    async break(host, words) {
      host.load = { ...host.load, cpu: number(words[0], 97), swing: 2 };
      tell(host, { probe: "metrics" });
      return `the processors of ${host.name} are busy`;
    },
  },
  fill: {
    usage: "fill [PERCENT]",
    does: "fills the disk",
    async break(host, words) {
      host.load = { ...host.load, disk: number(words[0], 98) };
      tell(host, { probe: "metrics" });
      return `the disk of ${host.name} is nearly full`;
    },
  },
  calm: {
    usage: "calm",
    does: "takes load off and lets actions succeed again",
    async break(host) {
      host.load = {};
      host.failures.length = 0;
      tell(host, { probe: "metrics" });
      return `${host.name} is calm`;
    },
  },
  poweroff: {
    usage: "poweroff",
    does: "turns the machine off",
    async break(host) {
      await powerOff(host);
      return `${host.name} is off`;
    },
  },
  poweron: {
    usage: "poweron",
    does: "turns the machine on",
    async break(host) {
      powerOn(host);
      return `${host.name} is on`;
    },
  },
  reboot: {
    usage: "reboot",
    does: "shuts the machine down and starts it",
    async break(host) {
      await powerOff(host);
      await pause(host.clock, 4000 * host.pace);
      powerOn(host);
      return `${host.name} was rebooted`;
    },
  },
};

async function powerOff(host: PretendHost): Promise<void> {
  if (!host.running) return;
  host.shuttingDown = true;
  tell(host, { probe: "host" });
  await pause(host.clock, 1000 * host.pace);
  host.running = false;
  befall(host, "down");
}

function powerOn(host: PretendHost): void {
  if (host.running) return;
  Object.assign(host, {
    running: true,
    shuttingDown: false,
    rebootRequired: false,
    packagesBusy: false,
    boots: host.boots + 1,
    bootedAt: host.clock.now(),
  });
  bootUnits(host);
  tell(host, { probe: "host" });
  befall(host, "up");
}

/** Does what a line such as `kill nginx` says to a host, and tells what was done. Fails with a problem where the line or the host does not allow it. */
export async function breakSomething(host: PretendHost, what: string, who = "alice"): Promise<string> {
  const [name = "", ...words] = what.trim().split(/\s+/);
  const fault = Object.hasOwn(faults, name) ? faults[name] : undefined;
  if (fault !== undefined) return fault.break(host, words, who);
  const near = nearest(name, Object.keys(faults));
  throw failure("sandbox/unknown-fault", `Unable to ${name === "" ? "break anything" : name}: there is no such fault`, {
    hint: near === undefined ? `There are ${Object.keys(faults).join(", ")}` : `Did you mean ${near}?`,
  });
}
