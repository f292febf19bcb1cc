import Type, { type Static } from "typebox";
import { defineAction, defineProbe } from "../contract.ts";
import { oneOf } from "../one-of.ts";

/** An absolute path without `.` or `..` parts, doubled slashes or control characters. */
export const Path = Type.String({ pattern: "^(?!.*/\\.{1,2}(/|$))(/[^/\\u0000-\\u001f]+)+$", maxLength: 4096 });

export const Format = Type.Union([
  Type.Literal("ini"),
  Type.Literal("json"),
  Type.Literal("yaml"),
  Type.Literal("env"),
  Type.Literal("keyvalue"),
]);
export type Format = Static<typeof Format>;

/** A value inside a file; null: the key is not there, or shall not be. */
export const Scalar = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]);
export type Scalar = Static<typeof Scalar>;

/** Owner or group: a name or a number as text. */
const Account = Type.String({ pattern: "^[a-z0-9_][a-z0-9_.-]*\\$?$", maxLength: 64 });
/** Four octal digits, such as 0644. */
export const Mode = Type.String({ pattern: "^[0-7]{4}$" });

/** The longest text that facts carry, in bytes; a longer file is known by its digest alone. */
export const maxFactText = 65_536;
/** The largest content that a step carries, in bytes. */
export const maxContent = 1_048_576;

const FileInput = Type.Object(
  {
    path: Path,
    content: Type.Optional(Type.Boolean({ description: "Report the text too, where it is valid UTF-8 of at most 64 KiB" })),
    seal: Type.Optional(Type.Boolean({ description: "Holds a secret: report a keyed digest, neither text nor plain digest" })),
    values: Type.Optional(
      Type.Object(
        { format: Format, keys: Type.Array(Type.String({ maxLength: 512 }), { maxItems: 256 }) },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);

/** A path as it is now; links are not followed. */
export const FileFact = Type.Object({
  path: Type.String(),
  type: Type.Union([Type.Literal("missing"), Type.Literal("file"), Type.Literal("directory"), Type.Literal("link"), Type.Literal("other")]),
  sha256: Type.Optional(Type.String()),
  seal: Type.Optional(Type.String({ description: "HMAC-SHA-256 of the content under the workspace's seal key" })),
  size: Type.Optional(Type.Number()),
  owner: Type.Optional(Type.String()),
  group: Type.Optional(Type.String()),
  uid: Type.Optional(Type.Number({ description: "The owner's number, whatever it is called" })),
  gid: Type.Optional(Type.Number({ description: "The group's number, whatever it is called" })),
  mode: Type.Optional(Mode),
  closedBy: Type.Optional(
    Type.String({ description: "A folder above a file whose mode lets everybody read it, which not everybody may enter" }),
  ),
  text: Type.Optional(Type.String()),
  target: Type.Optional(Type.String({ description: "Where a link points" })),
  values: Type.Optional(Type.Record(Type.String(), Scalar)),
  valuesError: Type.Optional(Type.String({ description: "Why the values cannot be read" })),
  due: Type.Optional(Type.Array(Type.String(), { description: "Units that have not loaded the file since we changed it" })),
});
export type FileFact = Static<typeof FileFact>;

export const fileProbe = defineProbe({ name: "file", input: FileInput, output: FileFact, watchable: true });

const attributes = {
  path: Path,
  owner: Type.Optional(Account),
  group: Type.Optional(Account),
  mode: Type.Optional(Mode),
  backups: Type.Optional(Type.Integer({ minimum: 0, maximum: 100, description: "How many earlier versions are kept" })),
  marks: Type.Optional(
    Type.Array(Type.String({ maxLength: 255 }), {
      maxItems: 32,
      description: "Units that have to load the file again: remembered until they did",
    }),
  ),
};

/** Replaces a file in one rename, or only its owner, group and mode where no content is given. */
export const fileWrite = defineAction({
  name: "file.write",
  input: Type.Object(
    {
      ...attributes,
      content: Type.Optional(Type.String({ maxLength: 1_400_000 })),
      encoding: Type.Optional(Type.Union([Type.Literal("utf8"), Type.Literal("base64")])),
    },
    { additionalProperties: false },
  ),
  undo: "possible",
  consequence: "none",
  idempotent: true,
});

/** Sets or removes (null) single values inside a file and leaves every other byte alone. */
export const fileValues = defineAction({
  name: "file.values",
  input: Type.Object(
    { ...attributes, format: Format, values: Type.Record(Type.String({ maxLength: 512 }), Scalar) },
    { additionalProperties: false },
  ),
  undo: "possible",
  consequence: "none",
  idempotent: true,
});

export const fileRemove = defineAction({
  name: "file.remove",
  input: Type.Object({ path: Path, backups: attributes.backups, marks: attributes.marks }, { additionalProperties: false }),
  undo: "possible",
  consequence: "none",
  idempotent: true,
});

/** Puts back what a path was before a step that the agent remembers: content, owner, group, mode, or its absence. */
export const fileRestore = defineAction({
  name: "file.restore",
  input: Type.Object({ path: Path, step: Type.String({ maxLength: 512 }), marks: attributes.marks }, { additionalProperties: false }),
  undo: "impossible",
  consequence: "none",
  idempotent: true,
});

/** The named checks that a candidate file can be put through before it goes live. */
export const validators = [
  "nginx",
  "apache",
  "sshd",
  "php-fpm",
  "sudoers",
  "systemd-unit",
  "haproxy",
  "named",
  "postfix",
  "json",
  "yaml",
] as const;
export const Validator = oneOf(validators);
export type Validator = (typeof validators)[number];

const Candidate = Type.Object(
  {
    path: Path,
    content: Type.Optional(Type.String({ maxLength: 1_400_000 })),
    encoding: Type.Optional(Type.Union([Type.Literal("utf8"), Type.Literal("base64")])),
    format: Type.Optional(Format),
    values: Type.Optional(Type.Record(Type.String({ maxLength: 512 }), Scalar)),
    remove: Type.Optional(Type.Boolean()),
    validator: Type.Optional(Validator),
  },
  { additionalProperties: false },
);

/** Runs named validators in a private mount namespace in which all candidates are laid over the live files; nothing live is touched. */
export const validateProbe = defineProbe({
  name: "validate",
  input: Type.Object({ files: Type.Array(Candidate, { maxItems: 4096 }) }, { additionalProperties: false }),
  output: Type.Object({
    ok: Type.Boolean(),
    results: Type.Array(
      Type.Object({
        validator: Type.String(),
        paths: Type.Array(Type.String()),
        ok: Type.Boolean(),
        output: Type.String({ description: "At most 8 KiB" }),
      }),
    ),
  }),
  watchable: false,
});
