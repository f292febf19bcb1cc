import Type, { type Static } from "typebox";
import { common, Rollout, SecretRef } from "../../../schemas/manifest.ts";
import { Format, maxContent, Path, Scalar, Validator } from "../../../schemas/verbs/file.ts";

const Source = Type.String({
  pattern: "^files/[^\\u0000-\\u001f]+$",
  maxLength: 1024,
  description: "A file of the workspace, below files/",
});
const Inline = Type.String({ maxLength: maxContent });

/** Values of a template: by name, of letters, digits, `_` and `-`. */
const TemplateValues = Type.Record(
  Type.String({ pattern: "^[A-Za-z_][A-Za-z0-9_-]*$" }),
  Type.Union([Type.String(), Type.Number(), Type.Boolean(), SecretRef]),
  {
    additionalProperties: false,
    description: "Values by name; host.name, host.address, host.tags and host.labels.NAME are always there",
  },
);

const Template = Type.Object(
  { source: Type.Optional(Source), content: Type.Optional(Inline), values: Type.Optional(TemplateValues) },
  {
    additionalProperties: false,
    description: "A mustache template: {{name}} inserts a value, {{#name}} … {{/name}} is kept where it is true",
  },
);

/** A unit, or the Service whose unit is meant. */
const Loader = Type.String({
  pattern: "^(Service/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?|[\\w@.\\\\:-]+)$",
  maxLength: 255,
  description: "Service/NAME, or a unit",
});
const Loaders = (says: string) => Type.Optional(Type.Array(Loader, { maxItems: 16, description: says }));
/** A number may be written as such; the completed spec has it as text. */
const Account = (says: string) =>
  Type.Optional(
    Type.Unsafe<string>({
      anyOf: [
        { type: "string", pattern: "^[a-z0-9_][a-z0-9_.-]*\\$?$", maxLength: 64 },
        { type: "integer", minimum: 0, maximum: 4_294_967_294 },
      ],
      description: says,
    }),
  );

export const FileSpec = Type.Object(
  {
    ...common,
    path: Type.Unsafe<string>({ ...Path, description: "Absolute path on the host" }),
    state: Type.Optional(Type.Literal("absent", { description: "absent removes the file; a copy is kept as its backup" })),
    content: Type.Optional(Type.Union([Inline, SecretRef], { description: "The whole text, or { secretRef: name/key }" })),
    source: Type.Optional(Source),
    template: Type.Optional(Template),
    format: Type.Optional(Type.Unsafe<Static<typeof Format>>({ ...Format, description: "How values stand in the file" })),
    values: Type.Optional(
      Type.Record(Type.String({ pattern: "^[^\\u0000-\\u001f]{1,512}$" }), Scalar, {
        additionalProperties: false,
        minProperties: 1,
        maxProperties: 256,
        description: "Single values inside the file; null: the key must not be there. The rest of the file is left alone",
      }),
    ),
    owner: Account("Owner: a user's name or number"),
    group: Account("Group: a name or number"),
    mode: Type.Optional(Type.String({ pattern: "^[0-7]{3,4}$", description: 'Permissions as octal digits in quotes, such as "0644"' })),
    validator: Type.Optional(
      Type.Unsafe<Static<typeof Validator>>({
        ...Validator,
        description: "The check that the new file has to pass before it replaces the old one",
      }),
    ),
    reloads: Loaders("Units that reload when the content changes"),
    restarts: Loaders("Units that restart when the content changes"),
    backups: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 100, description: "How many earlier versions the host keeps; 5 where not said" }),
    ),
    rollout: Type.Optional(Rollout),
  },
  { additionalProperties: false },
);
export type FileSpec = Static<typeof FileSpec>;
export type TemplateSpec = Static<typeof Template>;
