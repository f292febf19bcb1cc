import type { KnownHost } from "../known.ts";
import type { Reader } from "../reader.ts";
import type { Params } from "../words/define.ts";
import { cue, openings, placesOf, wordSet } from "./cues.ts";
import type { Answer, Asking } from "./define.ts";
import { examine } from "./examine.ts";

const phrases = [
  "isn't working",
  "is not working",
  "aren't working",
  "not working",
  "doesn't work",
  "does not work",
  "stopped working",
  "isn't responding",
  "is not responding",
  "not responding",
  "doesn't respond",
  "does not respond",
  "is down",
  "are down",
  "is broken",
  "broken",
  "is slow",
  "are slow",
  "so slow",
  "running slowly",
  "slow",
  "slowly",
  "what wrong with",
  "what's wrong with",
  "what is wrong with",
  "wrong with",
  "why is",
  "why are",
  "why does",
  "diagnose",
  "troubleshoot",
  "investigate",
  "unreachable",
  "crashed",
  "crashes",
  "keeps crashing",
  "failing",
  "having problems",
  "has problems",
  "problem with",
  "isnt working",
  "can't reach",
  "cannot reach",
  "funktioniert nicht",
  "geht nicht",
  "lauft nicht",
  "antwortet nicht",
  "reagiert nicht",
  "ist kaputt",
  "kaputt",
  "ist langsam",
  "so langsam",
  "langsam",
  "warum ist",
  "warum",
  "was ist los mit",
  "was ist mit",
  "was stimmt nicht mit",
  "untersuche",
  "diagnostiziere",
  "abgesturzt",
  "ausgefallen",
  "nicht erreichbar",
  "no funciona",
  "no responde",
  "no va",
  "esta caido",
  "esta lento",
  "va lento",
  "lento",
  "por que esta",
  "por que",
  "que pasa con",
  "que le pasa",
  "diagnostica",
  "investiga",
  "averigua",
  "se ha caido",
];
const used = wordSet(
  "working work works responding respond not isn't doesn't aren't don't down broken slow slowly so wrong why diagnose troubleshoot investigate problem problems unreachable crashed crashes crashing keeps failing having reach can't cannot funktioniert geht nicht antwortet reagiert kaputt langsam warum los stimmt untersuche diagnostiziere abgesturzt ausgefallen erreichbar mehr no funciona responde va caido lento pasa le por diagnostica investiga averigua se ha anymore again since today very logs log",
);

async function answerDiagnose(params: Params, hosts: readonly KnownHost[], reader: Reader): Promise<Answer> {
  const service = params["service"] === undefined ? undefined : String(params["service"]),
    looked = hosts.slice(0, 10);
  const findings = (await Promise.all(looked.map((host) => examine(host, service, reader)))).flat().sort((a, b) => a.rank - b.rank);
  const [first] = findings,
    mend = findings.find((one) => one.mend !== undefined && one.rank === first?.rank);
  const names = looked.map(({ name }) => name),
    about = `${service === undefined ? "" : `${service} on `}${names.join(", ")}`;
  const lines =
    first === undefined
      ? [`Nothing wrong was found with ${about}: units, recent errors, ports, disk, memory, CPU and recent changes were looked at.`]
      : [
          `Likely cause on ${first.host}: ${first.cause}.`,
          "",
          "Found:",
          ...findings.slice(0, 12).flatMap((one) => [`  ${one.host}: ${one.cause}`, ...one.evidence.map((text) => `      ${text}`)]),
        ];
  if (hosts.length > looked.length) lines.push(`${hosts.length - looked.length} more hosts were not looked at.`);
  const steps =
    mend?.mend === undefined
      ? undefined
      : [{ action: mend.mend.action, selector: `name=${mend.host}`, expectedCount: 1, params: { service: mend.mend.service }, after: [] }];
  return {
    text: lines.join("\n"),
    data: { cause: first?.cause, findings },
    resources: names,
    ...(steps === undefined ? {} : { proposal: { steps } }),
  };
}

/** What is wrong with a host or a service: units, recent errors, ports, disk, memory, CPU, drift and recent changes, by a fixed list of decisions. */
export const diagnose: Asking = {
  ask: "diagnose",
  summary: "What is wrong with a host or a service, with evidence and a likely cause",
  hear(tokens) {
    const at = cue(tokens, phrases);
    return at === undefined ? undefined : { params: {}, used: new Set([...at, ...placesOf(tokens, openings), ...placesOf(tokens, used)]) };
  },
  answer: answerDiagnose,
};
