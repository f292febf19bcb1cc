import type { IncomingMessage } from "node:http";

/** A request that the HTTP layer refuses before the API sees it: plain text, not JSON. */
export class BadRequest extends Error {
  readonly status: number;
  /** Whether the text is sent as body, too. */
  readonly body: boolean;
  constructor(status: number, text: string, body = true) {
    super(text);
    this.status = status;
    this.body = body;
  }
}

/** Larger bodies are refused by pveproxy. */
const maxBody = 512 * 1024;

/** What a request carries: parameters of query and body, and whether they came as JSON. */
export interface Given {
  readonly params: Readonly<Record<string, unknown>>;
  readonly json: boolean;
}

/** Reads query and body the way that PVE::APIServer::AnyEvent does; throws BadRequest. */
export async function readGiven(request: IncomingMessage, query: string): Promise<Given> {
  const method = request.method ?? "GET",
    body = await readBody(request);
  if (body.length > 0 && (method === "GET" || method === "DELETE")) throw new BadRequest(501, `Unexpected content for method '${method}'`);
  if (body.length > maxBody) throw new BadRequest(501, "for data too large");
  const type = request.headers["content-type"],
    base = { ...formOf(query) };
  if (type === undefined || /^application\/x-www-form-urlencoded(;|$)/i.test(type))
    return { params: { ...base, ...formOf(body.toString("utf8")) }, json: false };
  if (/^application\/json(;|$)/i.test(type)) return { params: { ...base, ...jsonOf(body.toString("utf8")) }, json: true };
  throw new BadRequest(506, `upload 'Content-Type '${type}' not implemented`);
}

/** Reads all of it, and keeps no more than needed to know that it is too much. */
async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= maxBody + 65_536) chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Values of a form; a name that comes twice becomes a list. */
function formOf(form: string): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [name, value] of new URLSearchParams(form)) {
    const before = found[name];
    found[name] = before === undefined ? value : Array.isArray(before) ? [...(before as unknown[]), value] : [before, value];
  }
  return found;
}

const decoder = "/usr/share/perl5/PVE/APIServer/AnyEvent.pm";

function jsonOf(json: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new BadRequest(
      500,
      json === ""
        ? `malformed JSON string, neither tag, array, object, number, string or atom, at character offset 0 (before "(end of string)") at ${decoder} line 917.`
        : `'"' expected, at character offset ${json.length} (before "(end of string)") at ${decoder} line 917.`,
    );
  }
  if (Array.isArray(value)) throw new BadRequest(500, `Not a HASH reference at ${decoder} line 957.`);
  if (typeof value === "string")
    throw new BadRequest(
      500,
      `Can't use string (${JSON.stringify(value)}) as a HASH ref while "strict refs" in use at ${decoder} line 957.`,
    );
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
