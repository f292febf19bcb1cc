import { createHash } from "node:crypto";
import type { HostView, KindContext, Text } from "../../core/model.ts";
import { type ParsedTemplate, parseTemplate, renderTemplate, type TemplateScope } from "./template.ts";
import type { FileSpec, TemplateSpec } from "./spec.ts";

/** The content that a spec asks for on one host: none, a text (with secrets in it where it is not a string), or why there is none. */
export type Content =
  | { readonly is: "none" }
  | { readonly is: "text"; readonly text: Text }
  | { readonly is: "problem"; readonly reason: string; readonly hint: string };

const none: Content = { is: "none" };

export function contentOf(spec: FileSpec, context: KindContext): Content {
  if (spec.state === "absent") return none;
  if (spec.content !== undefined) return { is: "text", text: typeof spec.content === "string" ? spec.content : { join: [spec.content] } };
  if (spec.source !== undefined) return fromFile(spec.source, context);
  return spec.template === undefined ? none : fromTemplate(spec.template, context);
}

function fromFile(path: string, context: KindContext): Content {
  const text = context.file(path);
  return text === undefined
    ? { is: "problem", reason: `${path} is not a text of the workspace`, hint: "Commit the file as UTF-8 of at most 1 MiB." }
    : { is: "text", text };
}

function fromTemplate(template: TemplateSpec, context: KindContext): Content {
  const source = template.source === undefined ? (template.content ?? "") : context.file(template.source);
  if (source === undefined) return fromFile(template.source!, context);
  const parsed = remembered(template, source);
  if (!parsed.ok) return { is: "problem", reason: `the template cannot be read: ${parsed.reason}`, hint: "Correct the template." };
  const rendered = renderTemplate(parsed.tokens, { ...template.values, host: hostScope(context.host) });
  if (rendered.ok) return { is: "text", text: rendered.text };
  return {
    is: "problem",
    reason: rendered.reason,
    hint: rendered.missing?.startsWith("host.")
      ? `Give the host ${context.host.name} this value, or leave it out of on.`
      : "Add it to template.values.",
  };
}

const parsedTemplates = new WeakMap<TemplateSpec, { readonly source: string; readonly parsed: ParsedTemplate }>();

/** The same template fills files on many hosts: it is read once for each spec. */
function remembered(template: TemplateSpec, source: string): ParsedTemplate {
  const known = parsedTemplates.get(template);
  if (known?.source === source) return known.parsed;
  const parsed = parseTemplate(source);
  parsedTemplates.set(template, { source, parsed });
  return parsed;
}

/** What templates know of the host; an address or label that is not there has no value. */
function hostScope(host: HostView): TemplateScope {
  const address = host.address ?? host.facts?.addresses[0];
  return { name: host.name, tags: host.tags, labels: host.labels, ...(address === undefined ? {} : { address }) };
}

export const sha256 = (text: string): string => createHash("sha256").update(text, "utf8").digest("hex");

/** Whether the spec names a secret, so that neither text nor digest of the file may be reported. */
export function isSealed(spec: FileSpec): boolean {
  if (typeof spec.content === "object") return true;
  return Object.values(spec.template?.values ?? {}).some((value) => typeof value === "object");
}
