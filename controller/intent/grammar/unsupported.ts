import type { IntentRefusal } from "../../../schemas/intent.ts";
import { refusal } from "../words/define.ts";
import type { Token } from "./tokens.ts";

interface Rule {
  readonly reason: IntentRefusal["reason"];
  readonly text: string;
  readonly pattern: RegExp;
  /** Sentences that the rule does not speak about. */
  readonly unless?: RegExp;
}

const notYet = (what: string): string => `${what} not supported yet.`;
const asks =
  /^(show|list|which|what|check|is|are|how|why|display|zeige?|welche|liste|prufe|ist|sind|wie|warum|muestra|lista|que|cuales|comprueba|esta|cuantos|por) /;

/** What cannot be asked for, tried in order on the folded words of a sentence. Quoted words are left out. */
const rules: readonly Rule[] = [
  {
    reason: "cannot_approve",
    pattern: /^(approve|genehmige|aprueba)\b/,
    text: "A sentence cannot approve a plan. Use: backend-ai approve DIGEST",
  },
  {
    reason: "arbitrary_command",
    pattern:
      /\b(run|execute|exec|fuhre|ejecuta|corre)\b.*\b(command|script|befehl|skript|comando|bash|sh|shell|sudo|rm|curl|wget|python)\b|\brm -|\bsudo \w|\bcurl http|\|\s*(ba)?sh\b/,
    text: "Commands are never run: say what shall be so (a service, a package, a file), and it is planned.",
  },
  {
    reason: "secrets",
    pattern:
      /\b(show|print|tell|give|read|what|zeige?|nenne|lies|muestra|dime|dame|lee)\b.*\b(passwords?|passwort|passworter|contrasenas?|secrets?|private keys?|api keys?|tokens?|credentials|zugangsdaten)\b/,
    text: "Secrets are never shown.",
  },
  {
    reason: "unsupported",
    pattern: /(?<![\w-])(agents?|agenten|agentes?)(?![\w-])/,
    unless: /\b(restart|start|stop|reload|starte|stoppe|reinicia|inicia|deten)\b|\buser agents?\b/,
    text: notYet("Installing, updating and listing agents by a sentence is") + " See: backend-ai agents, backend-ai enrol",
  },
  {
    reason: "unsupported",
    pattern: /\b(install|deploy|instala|installiere|set up)\b.*\bmonitoring\b/,
    text: notYet("Installing monitoring by a sentence is"),
  },
  {
    reason: "unsupported",
    pattern:
      /(?<![\w-])(back ?up|backups|sichere|sicherung|snapshot|snapshots|respaldo|respalda|copia de seguridad|rollback|roll back)(?![\w-])/,
    unless: /\b(service|dienst|servicio|status)\b/,
    text: notYet("Backups, snapshots and rollbacks are") + " To take a run back: backend-ai undo",
  },
  {
    reason: "unsupported",
    pattern: /\b(migrate|clone|resize|migriere|verschiebe|klone|migra|mueve|clona)\b|\bmove\b/,
    text: notYet("Moving, cloning and resizing guests is"),
  },
  {
    reason: "unsupported",
    pattern:
      /\b(create|new|delete|destroy|remove|erstelle|losche|crea|borra|elimina)\b.*\b(containers?|vms?|guests?|contenedor(es)?|virtual machines?)\b/,
    text: notYet("Creating and removing guests is"),
  },
  {
    reason: "unsupported",
    pattern: /(?<![\w-])(nodes?|proxmox|pve\d*|knoten|nodos?)(?![\w-])/,
    text: notYet("Proxmox nodes and their guests are"),
  },
  {
    reason: "unsupported",
    pattern: /\b(reboot|neu booten|neustart des servers|power off|poweroff)\b/,
    text: notYet("Rebooting and switching off hosts is"),
  },
  {
    reason: "unsupported",
    pattern: /\b(whenever|every time|each time|immer wenn|jedes mal|siempre que|cada vez)\b/,
    text: notYet("A standing rule on measurements is") + " Ask for it once, with if.",
  },
  {
    reason: "unsupported",
    pattern:
      /\b(every (day|night|hour|week|month|monday|tuesday|wednesday|thursday|friday|saturday|sunday|\d+)|daily|nightly|weekly|hourly|tomorrow|tonight|at \d{1,2}(:\d\d)? ?(am|pm)|at \d{1,2}:\d\d|jede nacht|jeden tag|taglich|um \d{1,2}(:\d\d)? uhr|cada (dia|noche|hora|semana)|a las \d)\b/,
    text: notYet("Doing something at a later time or again and again is"),
  },
  {
    reason: "unsupported",
    pattern: /^(undo|revert|take back|mach|ruckgangig|deshaz)\b/,
    text: "To take a run back: backend-ai undo [RUN]",
  },
];

/** Why a sentence cannot be done at all, known before anything else is read. */
export function refuse(tokens: readonly Token[]): { readonly refusal: IntentRefusal } | undefined {
  const text = tokens
    .filter(({ quoted }) => !quoted)
    .map(({ text }) => text)
    .join(" ");
  for (const rule of rules) {
    if (!rule.pattern.test(text) || rule.unless?.test(text) === true) continue;
    if (rule.reason === "arbitrary_command" && asks.test(text)) continue;
    return refusal(rule.reason, rule.text);
  }
  return undefined;
}
