import http, { type Agent } from "node:http";
import https from "node:https";
import type { SecureContext } from "node:tls";

const usualAnswer = 262_144;

export interface PostOptions {
  /** PEM of the only authority that is trusted. */
  readonly ca?: string | undefined;
  readonly secureContext?: SecureContext | undefined;
  readonly agent?: Agent | undefined;
  /** A JWT that goes with the request. */
  readonly bearer?: string | undefined;
  /** The longest answer that is read, bytes; 256 KiB where not given. */
  readonly maxAnswer?: number | undefined;
  readonly signal: AbortSignal;
}

/** An answer of another status than 200; `body` is what came with it, parsed where it was JSON. */
export class HttpRefusal extends Error {
  readonly status: number;
  readonly body: unknown;
  constructor(status: number, body: unknown) {
    super(`HTTP ${status}${wordOf(body)}`);
    this.status = status;
    this.body = body;
  }
}

/** What a problem answer says (RFC 9457, or our own form). */
function wordOf(body: unknown): string {
  const { summary, detail, title } = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const word = [summary, detail, title].find((text) => typeof text === "string");
  return word === undefined ? "" : `: ${String(word).slice(0, 500)}`;
}

/** Posts a JSON value and answers the JSON that comes back. */
export function postJson(
  url: string,
  body: unknown,
  { ca, secureContext, agent, bearer, maxAnswer = usualAnswer, signal }: PostOptions,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const text = JSON.stringify(body),
      plain = url.startsWith("http:");
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(text),
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    };
    const tls = plain
      ? agent === undefined
        ? {}
        : { agent }
      : {
          ...(ca === undefined ? {} : { ca }),
          ...(secureContext === undefined ? {} : { secureContext }),
          ...(agent === undefined ? {} : { agent }),
          minVersion: "TLSv1.2" as const,
        };
    const request = (plain ? http : https).request(url, { method: "POST", headers, signal, ...tls }, (response) => {
      let size = 0;
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => {
        size += part.length;
        if (size > maxAnswer) request.destroy(new Error("the answer is too long"));
        else parts.push(part);
      });
      response.on("error", reject);
      response.on("end", () => {
        const value = parsed(Buffer.concat(parts).toString("utf8"));
        if (response.statusCode === 200) resolve(value);
        else reject(new HttpRefusal(response.statusCode ?? 0, value));
      });
    });
    request.on("error", reject);
    request.end(text);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
