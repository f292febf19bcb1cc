import { maxContent } from "../../../schemas/verbs/file.ts";
import { nearest } from "../../../schemas/selector/nearest.ts";
import type { CheckContext, Finding } from "../define.ts";
import { namesOf, parseTemplate } from "./template.ts";
import type { FileSpec, TemplateSpec } from "./spec.ts";

const hostNames = ["host.name", "host.address", "host.tags"];

/** What the schema of a File cannot say: one source of content, files that exist, templates that can be filled in, secrets that exist. */
export function checkFile(spec: FileSpec, context: CheckContext): Finding[] {
  const found: Finding[] = [],
    given = (["content", "source", "template", "values"] as const).filter((field) => spec[field] !== undefined);
  if (spec.path.startsWith("/proc/") || spec.path.startsWith("/sys/"))
    found.push({
      path: "path",
      code: "manifest/bad-path",
      summary: `${spec.path} is no file that lasts`,
      hint: "Declare the file that sets it at boot, such as /etc/sysctl.d/50-name.conf.",
    });
  if (given.length > 1)
    found.push({
      path: given[1]!,
      code: "manifest/contradiction",
      summary: `${given.join(" and ")} cannot both say what is in the file`,
      hint: `Keep one of content, source, template and values.`,
    });
  if (spec.values !== undefined && spec.format === undefined)
    found.push({
      path: "values",
      code: "manifest/missing-field",
      summary: "values needs format beside it",
      hint: "Add format: ini, json, yaml, env or keyvalue.",
    });
  if (spec.format !== undefined && spec.values === undefined)
    found.push({
      path: "format",
      code: "manifest/contradiction",
      summary: "format says how values stand in the file, but there are no values",
      hint: "Add values, or remove format.",
    });
  if (typeof spec.content === "string") found.push(...tooLarge("content", spec.content));
  if (typeof spec.content === "object") found.push(...secretExists("content", spec.content.secretRef, context));
  if (spec.source !== undefined) found.push(...fileExists("source", spec.source, context));
  return spec.template === undefined ? found : [...found, ...checkTemplate(spec.template, context)];
}

function checkTemplate(template: TemplateSpec, context: CheckContext): Finding[] {
  const found = Object.entries(template.values ?? {}).flatMap(([name, value]) =>
    typeof value === "object" ? secretExists(`template.values.${name}`, value.secretRef, context) : [],
  );
  if ((template.source === undefined) === (template.content === undefined))
    return [
      ...found,
      {
        path: "template",
        code: "manifest/contradiction",
        summary: "A template has either source or content",
        hint: "Give it one of the two.",
      },
    ];
  if (template.source !== undefined) found.push(...fileExists("template.source", template.source, context));
  const path = template.source === undefined ? "template.content" : "template.source";
  const text = template.source === undefined ? template.content : context.file(template.source);
  if (text === undefined || found.some((finding) => finding.path === path)) return found;
  const parsed = parseTemplate(text);
  if (!parsed.ok)
    return [
      ...found,
      {
        path,
        code: "manifest/bad-template",
        summary: `Unable to read the template: ${parsed.reason}`,
        hint: "Names stand as {{name}}; sections are closed by {{/name}}.",
      },
    ];
  return [...found, ...namesOf(parsed.tokens).flatMap((name) => checkName(name, path, template))];
}

function checkName(name: string, path: string, template: TemplateSpec): Finding[] {
  const own = Object.keys(template.values ?? {});
  if (own.includes(name) || hostNames.includes(name) || /^host\.labels(\.|$)/.test(name)) return [];
  const near = nearest(name, [...own, ...hostNames]);
  return [
    {
      path,
      code: "manifest/unknown-variable",
      summary: `The template names {{${name}}}, which has no value`,
      hint: near === undefined ? `Add ${name} to template.values.` : `Did you mean {{${near}}}?`,
    },
  ];
}

function fileExists(path: string, file: string, context: CheckContext): Finding[] {
  if (file.split("/").some((part) => part === "" || part === "." || part === ".."))
    return [
      {
        path,
        code: "manifest/path-traversal",
        summary: `${file} leaves the folder files/ or is not written plainly`,
        hint: "Name a file below files/ without . or .. in its path.",
      },
    ];
  if (!context.fileExists(file)) {
    const near = context.nearestFile(file);
    return [
      {
        path,
        code: "manifest/unknown-file",
        summary: `There is no file ${file} in the workspace`,
        hint: near === undefined ? "Add it, and commit it with the manifest." : `Did you mean ${near}?`,
      },
    ];
  }
  const text = context.file(file);
  if (text === undefined)
    return [
      {
        path,
        code: "manifest/not-text",
        summary: `${file} is not UTF-8 text of at most 1 MiB`,
        hint: "Only texts can be put into files on hosts; bring binary files by a package.",
      },
    ];
  return tooLarge(path, text);
}

function tooLarge(path: string, text: string): Finding[] {
  const bytes = text.length * 3 <= maxContent ? 0 : Buffer.byteLength(text);
  return bytes <= maxContent
    ? []
    : [
        {
          path,
          code: "manifest/too-large",
          summary: `The content has ${bytes} bytes; a file may have ${maxContent}`,
          hint: "Bring large files by a package.",
        },
      ];
}

const secretExists = (path: string, ref: string, context: CheckContext): Finding[] =>
  context.secretExists(ref)
    ? []
    : [
        {
          path,
          code: "manifest/unknown-secret",
          summary: `There is no secret ${ref}`,
          hint: `Add the key to secrets/${ref.split("/")[0]}.age.yaml.`,
        },
      ];
