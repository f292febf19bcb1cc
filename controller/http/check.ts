import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import type { FastifyInstance, FastifySchema } from "fastify";
import { error, type Problem, ProblemError } from "../../schemas/problem.ts";
import { nearest } from "../../schemas/selector/nearest.ts";

/** Checks requests against their schemas (2020-12): bodies as they are, queries and paths with texts read as numbers and truth values. */
export function checkRequests(app: FastifyInstance): void {
  const shared = { strict: true, strictTypes: false, allErrors: false, verbose: true } as const;
  const bodies = new Ajv2020(shared),
    texts = new Ajv2020({ ...shared, coerceTypes: true });
  formats.default(bodies);
  formats.default(texts);
  app.setValidatorCompiler<object>(({ schema, httpPart }) => (httpPart === "body" ? bodies : texts).compile(schema));
  // Schemas of answers are for the document: an answer is written as it is.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.setSchemaErrorFormatter((errors, part) => new ProblemError((errors as ErrorObject[]).map((one) => problemIn(one, part))));
}

/** A schema that takes no field it does not know: a misspelt `requireConfirmation` has to be an error. */
export const closed = <T extends object>(schema: T): T => ({ ...schema, additionalProperties: false });

/** The request parts of a route for fastify and its document. */
export const requestSchema = (parts: {
  readonly params?: object | undefined;
  readonly query?: object | undefined;
  readonly body?: object | undefined;
}): FastifySchema => ({
  ...(parts.params === undefined ? {} : { params: parts.params }),
  ...(parts.query === undefined ? {} : { querystring: closed(parts.query) }),
  ...(parts.body === undefined ? {} : { body: closed(parts.body) }),
});

const partNames: Readonly<Record<string, string>> = { body: "the body", querystring: "the query", params: "the path" };

function problemIn(found: ErrorObject, part: string): Problem {
  const path = found.instancePath.slice(1).replaceAll("/", "."),
    where = path === "" ? {} : { where: { path } };
  return error(
    `invalid/${part === "querystring" ? "query" : part}`,
    `Unable to read ${partNames[part] ?? part} of the request: ${reason(found, path)}`,
    { ...where, ...hint(found) },
  );
}

function reason(found: ErrorObject, path: string): string {
  const subject = path === "" ? "it" : path;
  if (found.keyword === "additionalProperties")
    return `there is no field ${String(found.params["additionalProperty"])}${path === "" ? "" : ` in ${path}`}`;
  if (found.keyword === "required") return `${path === "" ? "" : `${path}.`}${String(found.params["missingProperty"])} is missing`;
  if (found.keyword === "enum") return `${subject} has to be one of ${(found.params["allowedValues"] as string[]).join(", ")}`;
  return `${subject} ${found.message ?? "is not as it has to be"}`;
}

function hint(found: ErrorObject): { hint?: string } {
  if (found.keyword !== "additionalProperties") return {};
  const known = Object.keys((found.parentSchema?.["properties"] as object | undefined) ?? {});
  const meant = nearest(String(found.params["additionalProperty"]), known);
  return { hint: meant === undefined ? `Fields are: ${known.join(", ")}.` : `Did you mean ${meant}?` };
}
