import { own } from "../own.ts";
import Type from "typebox";
import type { Known, KnownHost } from "../known.ts";
import { baseOf } from "../known.ts";
import { type ActionWords, type Expansion, type Params, question, type Reading, refusal, type Said, type Wish } from "./define.ts";
import { fullUnit, spelling, unitOn, unitVocabulary } from "./unit-names.ts";

const ServiceParams = Type.Object(
  {
    service: Type.String({
      pattern: "^[A-Za-z0-9@_.:\\\\-]+$",
      maxLength: 255,
      description: "The unit, or the usual name of the program: nginx, mysql, php-fpm",
    }),
  },
  { additionalProperties: false },
);

/** Units whose stop or removal from boot takes protection away. */
const protecting = new Set([
  "ufw",
  "firewalld",
  "nftables",
  "iptables",
  "fail2ban",
  "apparmor",
  "auditd",
  "crowdsec",
  "firewall",
  "selinux",
  "clamav-daemon",
  "unattended-upgrades",
]);

/** Units without which nobody reaches the host any more. */
const lifelines = new Set(["ssh", "sshd", "systemd-networkd", "networkmanager", "networking", "dbus", "systemd-journald", "ai-agent"]);

interface Made {
  readonly verbs: ActionWords["verbs"];
  readonly summary: string;
  readonly set: (now: string) => Params;
  readonly momentary?: boolean;
  readonly weakens?: boolean;
}

const define = (action: string, { verbs, summary, set, momentary = false, weakens = false }: Made): ActionWords => ({
  action: `service.${action}`,
  summary,
  params: ServiceParams,
  verbs,
  ...(weakens ? { grave: (params) => graveStop(params) } : {}),
  read: (said) => readService(said),
  home: (params, known) => known.hosts.filter((host) => typeof unitOn(host, String(params["service"]), known) === "string"),
  expand: (params, hosts, now, known) => expandService(params, hosts, known, set(now), momentary),
});

function graveStop(params: Params): string | undefined {
  const base = baseOf(String(params["service"]).toLowerCase());
  if (protecting.has(base)) return `${base} protects the host`;
  return lifelines.has(base) ? `without ${base} nobody may reach the host any more` : undefined;
}

function readService({ object, objectIsHosts, known }: Said): Reading | undefined {
  if (object.length === 0 && !objectIsHosts) return undefined;
  const vocabulary = unitVocabulary(known),
    joined = object.join("-"),
    glossed = own(known.glossary, object.join(" ")) ?? own(known.glossary, joined);
  if (glossed !== undefined && vocabulary.includes(baseOf(glossed).toLowerCase())) return { params: { service: baseOf(glossed) } };
  if (known.hosts.some(({ name }) => name === joined) && !vocabulary.includes(joined))
    return refusal(
      "unsupported",
      `${joined} is a host: starting, stopping and restarting whole hosts is not supported yet. Name a service on it.`,
    );
  if (["everything", "alles", "todo"].includes(joined))
    return refusal("unsupported", "Name the services one by one: everything at once is not done by a sentence.");
  if (objectIsHosts) return refusal("unsupported", "Starting, stopping and restarting whole hosts is not supported yet. Name a service.");
  for (const name of [joined, object.join(""), object.length === 1 ? baseOf(joined) : joined])
    if (vocabulary.includes(name)) return { params: { service: name } };
  const meant = spelling(joined, vocabulary);
  if (meant !== undefined) return { params: { service: meant }, notes: [`"${joined}" was read as ${meant}`] };
  return object.length === 1 ? { params: { service: baseOf(joined) } } : undefined;
}

/** Each host's own unit of that name; hosts without it are left out and said. */
function expandService(params: Params, hosts: readonly KnownHost[], known: Known, set: Params, momentary: boolean): Expansion {
  const name = String(params["service"]),
    byUnit = new Map<string, string[]>(),
    skipped: { host: string; reason: string }[] = [],
    silent: string[] = [];
  for (const host of hosts) {
    const unit = unitOn(host, name, known);
    if (unit === null) silent.push(host.name);
    else if (unit === undefined) skipped.push({ host: host.name, reason: `it has no unit ${fullUnit(baseOf(name))}` });
    else byUnit.set(unit, [...(byUnit.get(unit) ?? []), host.name]);
  }
  if (byUnit.size === 0 && silent.length === 0) return noUnit(name, hosts, known);
  if (silent.length > 0) {
    const unit = [...byUnit.keys()][0] ?? fullUnit(baseOf(name));
    byUnit.set(unit, [...(byUnit.get(unit) ?? []), ...silent]);
  }
  return { wishes: [...byUnit].map(([unit, on]) => wish(unit, on, set, momentary)), skipped };
}

const wish = (unit: string, hosts: readonly string[], set: Params, momentary: boolean): Wish => ({
  kind: "Service",
  claim: `unit:${unit}`,
  hosts,
  name: baseOf(unit),
  identity: { unit },
  set,
  momentary,
  conflict: (spec) => (spec["state"] === "stopped" && momentary ? "it is declared as stopped; start it first" : undefined),
});

function noUnit(name: string, hosts: readonly KnownHost[], known: Known): Expansion {
  const others = known.hosts.filter((host) => typeof unitOn(host, name, known) === "string").map((host) => host.name);
  const where = hosts.length === 1 ? hosts[0]!.name : `any of the ${hosts.length} hosts`;
  const there = new Set(
    hosts
      .flatMap((host) => host.units ?? [])
      .map(({ unit }) => baseOf(unit))
      .filter((unit) => unit.includes(name) || name.includes(unit)),
  );
  if (there.size > 0 && there.size <= 20)
    return question(
      `There is no service ${name} on ${where}. Which one do you mean?`,
      [...there].sort().map((unit) => ({ label: unit, means: unit })),
      name,
    );
  if (others.length > 0)
    return refusal("unknown_service", `There is no service ${name} on ${where}; it is on ${others.slice(0, 10).join(", ")}.`);
  return refusal("unknown_service", `There is no service ${name} on ${where}.`);
}

/** What can be said about services. A reload leaves nothing behind that could be declared, so it is refused with the way that works. */
export const serviceWords: readonly ActionWords[] = [
  define("restart", {
    summary: "Restart a service once",
    verbs: {
      en: ["restart", "re-start", "bounce", "start … again", "start … anew"],
      de: ["starte … neu", "starten … neu", "neu starten", "neustarten", "neustart", "durchstarten", "restarte"],
      es: ["reinicia", "reiniciar", "reinicie", "reinicien", "rearranca", "vuelve a iniciar"],
    },
    set: (now) => ({ restartedAt: now }),
    momentary: true,
  }),
  define("stop", {
    summary: "Stop a service and keep it stopped",
    verbs: {
      en: ["stop", "shut down", "shutdown", "halt", "turn off", "turn … off"],
      de: ["stoppe", "stoppen", "stopp", "halte … an", "anhalten", "beende", "beenden", "schalte … aus", "fahre … herunter"],
      es: ["deten", "detener", "detenga", "para", "parar", "pare", "apaga", "apagar"],
    },
    set: () => ({ state: "stopped", restartedAt: null }),
    weakens: true,
  }),
  define("start", {
    summary: "Start a service and keep it running",
    verbs: {
      en: ["start", "bring up", "bring … up", "turn on", "turn … on", "launch"],
      de: ["starte", "starten", "start", "schalte … ein", "fahre … hoch"],
      es: ["inicia", "iniciar", "inicie", "arranca", "arrancar", "arranque", "enciende"],
    },
    set: () => ({ state: "running" }),
  }),
  define("enable", {
    summary: "Start a service at every boot (does not start it now)",
    verbs: { en: ["enable", "autostart"], de: ["aktiviere", "aktivieren"], es: ["habilita", "habilitar", "activa", "activar"] },
    set: () => ({ enabled: true }),
  }),
  define("disable", {
    summary: "Do not start a service at boot (does not stop it now)",
    verbs: { en: ["disable"], de: ["deaktiviere", "deaktivieren"], es: ["deshabilita", "deshabilitar", "desactiva", "desactivar"] },
    set: () => ({ enabled: false }),
    weakens: true,
  }),
  {
    ...define("reload", {
      summary: "Make a service read its configuration again",
      verbs: { en: ["reload", "re-read"], de: ["lade … neu", "neu laden", "neuladen"], es: ["recarga", "recargar"] },
      set: () => ({}),
    }),
    expand: (params) =>
      refusal(
        "unsupported",
        `A reload by itself leaves nothing that could be declared and checked. ${String(params["service"])} is reloaded by itself when a file that it reads changes (reloads: in the File); to make it start afresh, say "restart ${String(params["service"])}".`,
      ),
  },
];
