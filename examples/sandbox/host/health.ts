import { pause } from "../../../agent/runtime/clock.ts";
import type { HealthCheck } from "../../../schemas/verbs/health.ts";
import type { PretendHost } from "../pretend-host.ts";
import { fileAt } from "./files.ts";
import { addressOf } from "./measure.ts";
import type { Port, UnitDefinition } from "./parts.ts";
import { stateOf, unitOn, unitsOf } from "./units.ts";

interface Verdict {
  readonly ok: boolean;
  readonly detail: string;
}

/** Milliseconds between two tries, and those that a unit has to stay up on a real host. */
const betweenMs = 100,
  steadyMs = 2000;

/** Repeats a check until it passes or its time is over. */
export async function checkHealth(host: PretendHost, check: HealthCheck, signal: AbortSignal): Promise<Verdict & { ms: number }> {
  const began = host.clock.now();
  for (;;) {
    const verdict = (await tryUnit(host, check, signal)) ?? tryOnce(host, check),
      ms = host.clock.now() - began;
    if (verdict.ok || ms + betweenMs >= check.withinMs || signal.aborted) return { ...verdict, ms };
    await pause(host.clock, betweenMs, signal);
  }
}

/** Why the unit of a check is not up for good; undefined: it is, or none was asked for. */
async function tryUnit(host: PretendHost, { unit }: HealthCheck, signal: AbortSignal): Promise<Verdict | undefined> {
  if (unit === undefined) return undefined;
  const definition = unitOn(host, unit),
    before = definition && stateOf(host, definition);
  if (definition === undefined || before?.active !== "active") return { ok: false, detail: `${unit} is ${before?.active ?? "not found"}` };
  if (host.pace > 0) await pause(host.clock, steadyMs * host.pace, signal);
  const { active, starts } = stateOf(host, definition);
  return active === "active" && starts === before.starts ? undefined : { ok: false, detail: `${unit} did not stay up` };
}

function tryOnce(host: PretendHost, check: HealthCheck): Verdict {
  const verdicts = [
    ...(check.http === undefined ? [] : [tryHttp(host, check, check.http)]),
    ...(check.tcp === undefined ? [] : [tryTcp(host, check.tcp)]),
  ];
  return (
    verdicts.find(({ ok }) => !ok) ??
    verdicts[0] ?? { ok: true, detail: check.unit === undefined ? "nothing to check" : `${check.unit} is active` }
  );
}

function tryHttp(host: PretendHost, check: HealthCheck, url: string): Verdict {
  const { hostname, port, protocol } = new URL(url);
  const found = listener(host, hostname, Number(port || (protocol === "https:" ? 443 : 80)));
  if (found === undefined) return { ok: false, detail: `${url}: connection refused` };
  if (found.port.http !== true) return { ok: false, detail: `${url}: the answer is not HTTP` };
  const { status, body } = answerFrom(found.on, found.definition);
  const good = check.expect === undefined ? status >= 200 && status < 300 : status === check.expect;
  if (!good) return { ok: false, detail: `${url}: ${status}, not ${check.expect ?? "2xx"}` };
  if (check.contains !== undefined && !body.includes(check.contains))
    return { ok: false, detail: `${url}: ${status}, without the text "${check.contains}"` };
  return { ok: true, detail: `${url}: ${status}` };
}

function answerFrom(host: PretendHost, definition: UnitDefinition): { status: number; body: string } {
  const serves = stateOf(host, definition).serves,
    page = definition.dialect === undefined ? '{"status":"ok"}\n' : (fileAt(host, "/var/www/html/index.html")?.content.text ?? "");
  return { status: serves?.status ?? 200, body: serves?.body ?? page };
}

function tryTcp(host: PretendHost, target: string): Verdict {
  const at = target.lastIndexOf(":"),
    [name, port] = at < 0 ? ["localhost", target] : [target.slice(0, at), target.slice(at + 1)];
  return listener(host, name, Number(port)) === undefined
    ? { ok: false, detail: `${target}: connection refused` }
    : { ok: true, detail: `${target}: open` };
}

/** The running unit that listens on a port of this host or of one beside it; a port bound to loopback is open to its own host alone. */
function listener(
  host: PretendHost,
  name: string,
  port: number,
): { readonly on: PretendHost; readonly definition: UnitDefinition; readonly port: Port } | undefined {
  const own = ["localhost", "127.0.0.1", "[::1]", "", host.name, addressOf(host)].includes(name),
    on = own ? host : host.neighbour(name);
  if (on === undefined || !on.running || (!own && on.link.is !== "up")) return undefined;
  for (const definition of unitsOf(on)) {
    const found = definition.ports.find((each) => each.port === port && (own || each.address !== "127.0.0.1"));
    if (found !== undefined && stateOf(on, definition).active === "active") return { on, definition, port: found };
  }
  return undefined;
}
