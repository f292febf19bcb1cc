import { describe, expect, it } from "vitest";
import { parseTemplate, renderTemplate, type TemplateScope } from "./template.ts";

function render(template: string, scope: TemplateScope): unknown {
  const parsed = parseTemplate(template);
  if (!parsed.ok) return parsed.reason;
  const rendered = renderTemplate(parsed.tokens, scope);
  return rendered.ok ? rendered.text : rendered.reason;
}

describe("templates", () => {
  it.each([
    ["{{a}} {{{a}}} {{&a}}", { a: "<b> & 'c'" }, "<b> & 'c' <b> & 'c' <b> & 'c'"],
    ["{{#on}}yes{{/on}}{{^on}}no{{/on}}", { on: false }, "no"],
    ["{{#host.tags}}\n- {{.}}\n{{/host.tags}}\n", { host: { tags: ["a", "b"] } }, "- a\n- b\n"],
    ["{{host.labels.example.com/team}}", { host: { labels: { "example.com/team": "web" } } }, "web"],
    ["{{=<% %>=}}<% a %> {{a}}", { a: 1 }, "1 {{a}}"],
    ["x {{! a comment }}y", {}, "x y"],
    ["key={{key}}\n", { key: { secretRef: "db/key" } }, { join: ["key=", { secretRef: "db/key" }, "\n"] }],
    ["{{nope}}", { a: 1 }, "the template names {{nope}}, which has no value"],
    ["{{constructor}}{{__proto__}}", { a: 1 }, "the template names {{constructor}}, which has no value"],
    ["{{a.length}}", { a: "text" }, "the template names {{a.length}}, which has no value"],
    ["{{host}}", { host: { name: "a" } }, "{{host}} is not one value"],
    ["{{> other}}", {}, "a template cannot include another one: {{> other}}"],
    ["{{#a}}", { a: 1 }, 'unclosed section "a" at character 6'],
    ["{{a", { a: 1 }, "unclosed tag at character 3"],
    ["{{#a}}".repeat(9) + "{{/a}}".repeat(9), { a: true }, "sections stand more than 8 deep in each other"],
    ["{{#a}}".repeat(100_000) + "{{/a}}".repeat(100_000), { a: true }, "sections stand more than 8 deep in each other"],
  ])("%.40j", (template, scope, expected) => {
    expect(render(template, scope as TemplateScope)).toEqual(expected);
  });

  it("stops at a size, and at a number of rounds", () => {
    const tags = Array.from({ length: 64 }, (_, i) => "x".repeat(60) + i),
      scope = { host: { tags } };
    expect(render("{{#host.tags}}".repeat(4) + "{{.}}" + "{{/host.tags}}".repeat(4), scope)).toBe(
      "the text that the template makes is larger than 1 MiB",
    );
    expect(render("{{#host.tags}}".repeat(8) + "{{/host.tags}}".repeat(8), scope)).toBe("the template makes more than 200000 pieces");
  });
});
