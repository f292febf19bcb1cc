import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import type { Readable } from "node:stream";
import type { Trust } from "../runtime/credentials.ts";
import { HttpRefusal } from "../runtime/post-json.ts";

/** A connection on which nothing came for so long is given up, milliseconds. */
const silenceMs = 30_000;
/** Of what a controller says beside the file no more than this is read, bytes. */
const maxWord = 64 * 1024;

/** The rest of a file from a byte on, over the pinned TLS; rejects with HttpRefusal where the controller does not give it. */
export function getFile(
  url: string,
  { trust, bearer, from, signal }: { readonly trust: Trust; readonly bearer: string; readonly from: number; readonly signal: AbortSignal },
): Promise<Readable> {
  const headers = { authorization: `Bearer ${bearer}`, ...(from > 0 ? { range: `bytes=${from}-` } : {}) };
  return new Promise((resolve, reject) => {
    const plain = url.startsWith("http:"),
      options = {
        headers,
        signal,
        timeout: silenceMs,
        agent: false as const,
        ...(plain ? {} : { ...trust, minVersion: "TLSv1.2" as const }),
      };
    const request = (plain ? http : https).get(url, options, (response) => {
      const wanted = from > 0 ? 206 : 200;
      if (response.statusCode === wanted) return resolve(response);
      refusalOf(response).then(reject, reject);
    });
    request.on("timeout", () => request.destroy(new Error(`nothing came for ${silenceMs / 1000} s`)));
    request.on("error", reject);
  });
}

async function refusalOf(response: IncomingMessage): Promise<HttpRefusal> {
  let text = "";
  for await (const part of response.setEncoding("utf8") as AsyncIterable<string>) {
    text += part;
    if (text.length > maxWord) break;
  }
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  return new HttpRefusal(response.statusCode ?? 0, body);
}
