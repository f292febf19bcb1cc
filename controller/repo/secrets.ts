import { armor, Decrypter, Encrypter } from "age-encryption";
import { Document, isMap, parseDocument, Scalar } from "yaml";
import { error, type Problem, ProblemError } from "../../schemas/problem.ts";
import type { SourceFile } from "../core/model.ts";

const place = /^secrets\/([a-z0-9][a-z0-9-]*)\.age\.ya?ml$/;
const howTo = "Encrypt the value for the controller's age recipient: docs/secrets.md";
const keyShape = /^[A-Za-z0-9_.-]{1,128}$/;
const armour = /^-----BEGIN AGE ENCRYPTED FILE-----\r?\n[A-Za-z0-9+/=\r\n]+\r?\n-----END AGE ENCRYPTED FILE-----\s*$/;

/** The secrets of a commit, by `name/key` of `secrets/NAME.age.yaml`. Values stay in memory and are never part of a message. */
export interface Secrets {
  readonly refs: readonly string[];
  /** Files that cannot be read, values that cannot be decrypted. */
  readonly problems: readonly Problem[];
  exists(ref: string): boolean;
  /** Undefined where there is none, or it cannot be decrypted. */
  value(ref: string): string | undefined;
  /** The same; a ProblemError (`secret/missing`, `secret/undecryptable`) in place of undefined. */
  decrypt(ref: string): string;
  /** Values by their ciphertext, for the next commit: what did not change is not decrypted again. */
  readonly known: ReadonlyMap<string, string>;
}

/** Reads and decrypts the secrets among the files of a commit with the controller's age identity. */
export async function openSecrets(
  files: readonly Pick<SourceFile, "path" | "text">[],
  identity: string,
  before?: Pick<Secrets, "known">,
): Promise<Secrets> {
  const problems: Problem[] = [],
    found = files.flatMap((file) => entriesOf(file, problems));
  const known = new Map<string, string>(),
    values = new Map<string, string>(),
    refs = new Map<string, string>();
  for (const { ref, ciphertext, file } of found) {
    refs.set(ref, file);
    const value = known.get(ciphertext) ?? before?.known.get(ciphertext) ?? (await decryptText(identity, ciphertext));
    if (value === undefined) problems.push(undecryptable(ref, file));
    else {
      known.set(ciphertext, value);
      values.set(ref, value);
    }
  }
  return {
    refs: [...refs.keys()].toSorted(),
    problems,
    known,
    exists: (ref) => refs.has(ref),
    value: (ref) => values.get(ref),
    decrypt(ref) {
      const value = values.get(ref),
        file = refs.get(ref);
      if (value === undefined) throw new ProblemError(file === undefined ? missing(ref) : undecryptable(ref, file));
      return value;
    },
  };
}

interface Entry {
  readonly ref: string;
  readonly file: string;
  readonly ciphertext: string;
}

/** Entries of one file of the workspace. No message quotes a value: somebody may have put the secret itself there. */
function entriesOf({ path, text }: Pick<SourceFile, "path" | "text">, problems: Problem[]): Entry[] {
  if (!path.startsWith("secrets/")) return [];
  const report = (code: string, summary: string, hint: string): Entry[] => {
    problems.push(error(code, summary, { where: { file: path }, hint }));
    return [];
  };
  const name = place.exec(path)?.[1];
  if (name === undefined)
    return report(
      "secret/bad-name",
      `${path} is not a file of secrets`,
      "Name it secrets/NAME.age.yaml, of lower case letters, digits and hyphens; keep nothing else there",
    );
  const map = text === undefined ? undefined : readMap(text);
  if (map === undefined)
    return report("secret/bad-file", `Unable to read ${path}: it is not a YAML map of keys and age-encrypted texts`, howTo);
  return [...map].flatMap(([key, value]) => {
    if (!keyShape.test(key))
      return report("secret/bad-key", `A key of ${path} is not of letters, digits, dots, hyphens and underscores`, "Rename it");
    if (typeof value !== "string" || !armour.test(value))
      return report(
        "secret/not-encrypted",
        `${key} in ${path} is not age-encrypted`,
        "If it was the secret itself, it is known now: change it everywhere, then encrypt the new one",
      );
    return [{ ref: `${name}/${key}`, file: path, ciphertext: value.trim() }];
  });
}

function readMap(text: string): ReadonlyMap<string, unknown> | undefined {
  try {
    const document = parseDocument(text, { uniqueKeys: true, logLevel: "silent", prettyErrors: false });
    const value: unknown = document.errors.length > 0 ? undefined : document.toJS({ maxAliasCount: 0 });
    if (value === null) return new Map();
    return typeof value === "object" && !Array.isArray(value) ? new Map(Object.entries(value as object)) : undefined;
  } catch {
    return undefined;
  }
}

async function decryptText(identity: string, ciphertext: string): Promise<string | undefined> {
  try {
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    return await decrypter.decrypt(armor.decode(ciphertext), "text");
  } catch {
    return undefined;
  }
}

/** Encrypts a text for one or more age recipients, armoured. */
export async function encryptSecret(recipients: string | readonly string[], text: string): Promise<string> {
  const encrypter = new Encrypter();
  for (const recipient of typeof recipients === "string" ? [recipients] : recipients) encrypter.addRecipient(recipient);
  return armor.encode(await encrypter.encrypt(text));
}

/** The text of a secrets file with one entry set (null removes it); comments and the other entries stay. */
export function withSecret(text: string | undefined, key: string, ciphertext: string | null): string {
  if (!keyShape.test(key))
    throw new ProblemError(
      error(
        "secret/bad-key",
        `Unable to use the key ${JSON.stringify(key)}: it has other characters than letters, digits, dots, hyphens and underscores`,
      ),
    );
  const parsed = parseDocument(text ?? "", { logLevel: "silent" }),
    document = parsed.contents === null && parsed.errors.length === 0 ? new Document({}) : parsed;
  if (document !== parsed) document.commentBefore = parsed.commentBefore ?? parsed.comment;
  if (document.errors.length > 0 || !isMap(document.contents))
    throw new ProblemError(error("secret/bad-file", "Unable to change the file of secrets: it is not a YAML map"));
  if (ciphertext === null) document.delete(key);
  else {
    const value = new Scalar(`${ciphertext.trim()}\n`);
    value.type = Scalar.BLOCK_LITERAL;
    document.set(key, value);
  }
  return document.toString({ lineWidth: 0 });
}

const missing = (ref: string): Problem => error("secret/missing", `There is no secret ${ref}`, { hint: howTo });

const undecryptable = (ref: string, file: string): Problem =>
  error("secret/undecryptable", `Unable to decrypt the secret ${ref}`, {
    where: { file },
    hint: "It was encrypted for another controller: encrypt it for this one's recipient",
  });
