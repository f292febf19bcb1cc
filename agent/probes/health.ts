import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import type { ProbeInput, ProbeOutput } from "../../schemas/verbs/index.ts";
import { reasonOf } from "../platform/failure.ts";
import type { ServicePlatform } from "../platform/services/platform.ts";
import { sleep } from "../platform/sleep.ts";
import type { ProbeContext } from "../runtime/verbs.ts";

type Check = ProbeInput<"health">;
/** One try: what is wrong, or undefined. */
type Try = (signal: AbortSignal) => Promise<string | undefined>;

const between = 250;
const stayMs = 2000;
/** A reload comes back before the old workers are gone, and these go on answering for a moment: one good answer proves nothing. */
const holdMs = 1000;
const maxBody = 1_048_576;

/** Probe `health`: repeats the checks until all pass, and go on passing for a moment, or the time for their first pass is over. */
export const probeHealth =
  (services: ServicePlatform) =>
  async (input: Check, context: ProbeContext): Promise<ProbeOutput<"health">> => {
    const startedAt = performance.now(),
      hold = input.http === undefined && input.tcp === undefined ? 0 : Math.min(holdMs, input.withinMs);
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(input.withinMs + (hold === 0 ? 0 : hold + 2 * between))]);
    const tries = triesOf(input, services);
    if (tries.length === 0) return { ok: true, detail: "nothing to check", ms: 0 };
    let detail = "not tried",
      passedAt: number | undefined;
    for (;;) {
      const wrong = await firstWrong(tries, signal);
      const ms = Math.round(performance.now() - startedAt);
      passedAt = wrong === undefined ? (passedAt ?? ms) : undefined;
      if (passedAt !== undefined && ms - passedAt >= hold) return { ok: true, detail: describe(input), ms };
      // A try that the end of the time cut off says less than the one before.
      if (wrong !== undefined && (!signal.aborted || detail === "not tried")) detail = wrong;
      if (signal.aborted || (wrong !== undefined && ms >= input.withinMs))
        return { ok: false, detail: `not healthy within ${input.withinMs} ms: ${detail}`, ms };
      await sleep(between, signal);
    }
  };

async function firstWrong(tries: readonly Try[], signal: AbortSignal): Promise<string | undefined> {
  for (const attempt of tries) {
    const wrong = await attempt(signal).catch(reasonOf);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function triesOf(input: Check, services: ServicePlatform): Try[] {
  const { http, tcp, unit } = input;
  return [
    ...(http === undefined ? [] : [(signal: AbortSignal) => tryHttp(http, input, signal)]),
    ...(tcp === undefined ? [] : [(signal: AbortSignal) => tryTcp(tcp, signal)]),
    ...(unit === undefined ? [] : [(signal: AbortSignal) => tryUnit(unit, services, signal)]),
  ];
}

const describe = ({ http, tcp, unit }: Check): string =>
  [http && `${http} answers as expected`, tcp && `${tcp} is open`, unit && `${unit} stays active`].filter(Boolean).join("; ");

/** A request that follows no redirect. The host asks itself, so a certificate is not checked: its name is seldom localhost. */
function tryHttp(url: string, { expect, contains }: Check, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const send = url.startsWith("https:") ? httpsRequest : httpRequest;
    const request = send(
      url,
      {
        signal,
        timeout: 5000,
        rejectUnauthorized: false,
        agent: false,
        headers: { "user-agent": "backend-ai-agent", connection: "close" },
      } as Parameters<typeof httpRequest>[1] & object,
      (response) => {
        const status = response.statusCode ?? 0;
        const chunks: Buffer[] = [];
        let size = 0;
        const done = (): void => {
          const body = Buffer.concat(chunks).toString("utf8");
          if (expect === undefined ? status < 200 || status > 299 : status !== expect)
            resolve(`${url} answered ${status}, expected ${expect ?? "2xx"}`);
          else
            resolve(contains === undefined || body.includes(contains) ? undefined : `${url} answered ${status} without the expected text`);
          response.destroy();
        };
        response.on("data", (chunk: Buffer) => {
          chunks.push(chunk);
          size += chunk.length;
          if (size > maxBody) done();
        });
        response.on("end", done);
        response.on("error", (cause) => resolve(`${url}: ${reasonOf(cause)}`));
      },
    );
    request.on("timeout", () => request.destroy(new Error("no answer within 5 s")));
    request.on("error", (cause) => resolve(`${url}: ${codeAnd(cause)}`));
    request.end();
  });
}

function tryTcp(target: string, signal: AbortSignal): Promise<string | undefined> {
  const colon = target.lastIndexOf(":");
  const host = target.slice(0, colon).replace(/^\[|\]$/g, "") || "localhost";
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(target.slice(colon + 1)), signal, timeout: 5000 });
    const end = (wrong: string | undefined): void => {
      socket.destroy();
      resolve(wrong);
    };
    socket.on("connect", () => end(undefined));
    socket.on("timeout", () => end(`${target}: no connection within 5 s`));
    socket.on("error", (cause) => end(`${target}: ${codeAnd(cause)}`));
  });
}

const codeAnd = (cause: Error): string => (cause instanceof AggregateError ? cause.errors.map(reasonOf).join(", ") : reasonOf(cause));

/** Active with one and the same start for two seconds: a service that dies and is started again does not count. */
async function tryUnit(unit: string, services: ServicePlatform, signal: AbortSignal): Promise<string | undefined> {
  const first = (await services.read(unit)).fact;
  if (first.active !== "active") return `${unit} is ${first.active}${first.sub === undefined ? "" : ` (${first.sub})`}`;
  const left = stayMs - (Date.now() - (first.since ?? 0));
  await sleep(Math.max(0, Math.min(stayMs, left)), signal);
  const second = (await services.read(unit)).fact;
  if (second.active !== "active")
    return `${unit} was active, then ${second.active}${second.result === undefined ? "" : ` (${second.result})`}`;
  if (first.invocation !== second.invocation) return `${unit} was started again while it was looked at`;
  return Date.now() - (second.since ?? 0) < stayMs && signal.aborted ? `${unit} had not been active for ${stayMs} ms` : undefined;
}
