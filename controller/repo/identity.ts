import { readFile, stat } from "node:fs/promises";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { error, type Problem, ProblemError, warning } from "../../schemas/problem.ts";
import { writeDurably } from "../hub/durable-file.ts";

/** The controller's age key: it decrypts the workspace's secrets; whoever knows the recipient can encrypt for it. */
export interface AgeIdentity {
  /** AGE-SECRET-KEY-1…: never printed. */
  readonly identity: string;
  /** age1…: public. */
  readonly recipient: string;
  readonly warnings: readonly Problem[];
}

/** Reads the identity file, in the format of age-keygen(1), or makes it (mode 0600) where there is none. */
export async function ageIdentity(file: string): Promise<AgeIdentity> {
  const text = await readFile(file, "utf8").catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === "ENOENT") return undefined;
    throw new ProblemError(error("secret/identity", `Unable to read the age identity ${file}: ${thrown.message}`), { cause: thrown });
  });
  return text === undefined ? make(file) : parse(file, text);
}

async function make(file: string): Promise<AgeIdentity> {
  const identity = await generateX25519Identity(),
    recipient = await identityToRecipient(identity);
  await writeDurably(
    file,
    `# Decrypts the secrets of the workspace: keep a copy in a safe place.\n# public key: ${recipient}\n${identity}\n`,
  );
  return { identity, recipient, warnings: [] };
}

async function parse(file: string, text: string): Promise<AgeIdentity> {
  const identity = /^AGE-SECRET-KEY-1[A-Z0-9]+$/m.exec(text)?.[0];
  if (identity === undefined)
    throw new ProblemError(
      error("secret/identity", `Unable to use the age identity ${file}: it holds no AGE-SECRET-KEY-1 line`, {
        hint: "Put back the file from a backup: without it no secret can be decrypted",
      }),
    );
  const open = ((await stat(file)).mode & 0o077) !== 0;
  const warnings = open ? [warning("secret/identity-open", `Others than its owner may read ${file}`, { hint: `chmod 600 ${file}` })] : [];
  try {
    return { identity, recipient: await identityToRecipient(identity), warnings };
  } catch {
    throw new ProblemError(
      error("secret/identity", `Unable to use the age identity ${file}: its key is damaged`, {
        hint: "Put back the file from a backup: without it no secret can be decrypted",
      }),
    );
  }
}
