import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import type { FastifyInstance, FastifySchema } from "fastify";
import { ProblemError } from "../../schemas/problem.ts";
import { requestProblems } from "./request-problem.ts";

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
  app.setSchemaErrorFormatter(
    (errors, part) =>
      new ProblemError(
        requestProblems(
          errors as ErrorObject[],
          `${partNames[part] ?? part} of the request`,
          `invalid/${part === "querystring" ? "query" : part}`,
        ),
      ),
  );
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
