import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  randomUUID,
  X509Certificate,
} from "node:crypto";
import { chmod, mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { error, ProblemError } from "../../schemas/problem.ts";
import { syncFolder, writeDurably } from "./durable-file.ts";

/** What the controller proves itself with. Loaded once; the server's certificate, which changes, is apart (server-certificate.ts). */
export interface Keys {
  /** The controller's id: random, made once. */
  readonly controller: string;
  /** The private CA's certificate, PEM. */
  readonly ca: string;
  /** Ed25519 key that signs steps, and its raw public half, base64url. */
  readonly signing: KeyObject;
  readonly controllerKey: string;
  /** Key of the agents' short-lived JWTs, at least 256 bits. */
  readonly jwtSecret: Uint8Array;
  /** Key for keyed digests of files that hold secrets, 256 bits. */
  readonly sealKey: Uint8Array;
}

/** File names below the keys folder. */
export const keyFiles = {
  id: "controller-id",
  caKey: "ca.key.pem",
  ca: "ca.pem",
  server: "server.pem",
  signing: "signing.key.pem",
  jwt: "jwt.secret",
  seal: "seal.key",
} as const;

/**
 * Makes the keys folder (0700) with whatever is missing in it (0600); what is there stays. An interrupted call is
 * finished by the next one: every file is written whole, and a certificate only after its key.
 */
export async function initKeys(folder: string, now: number): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  await syncFolder(dirname(folder));
  const id = await make(folder, keyFiles.id, () => randomUUID());
  await make(folder, keyFiles.signing, () => generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }) as string);
  await make(folder, keyFiles.jwt, () => randomBytes(32).toString("base64"));
  await make(folder, keyFiles.seal, () => randomBytes(32).toString("base64"));
  // Loaded only here: the certificate library takes longer to load than the rest of the hub.
  const { makeAuthority, newCertificateKey } = await import("./ca.ts");
  const caKey = await make(folder, keyFiles.caKey, newCertificateKey);
  await make(folder, keyFiles.ca, async () => (await makeAuthority(caKey, id.trim().slice(0, 8), now)).cert);
}

/** Loads the keys that `initKeys` made. `jwtSecret` (setting JWT_SECRET) stands in for the generated one. Throws ProblemError. */
export async function loadKeys(folder: string, given: { readonly jwtSecret?: string | undefined } = {}): Promise<Keys> {
  const read = (name: string) => readKey(folder, name);
  const [controller, ca, signingPem, jwt, seal] = await Promise.all([
    read(keyFiles.id),
    read(keyFiles.ca),
    read(keyFiles.signing),
    read(keyFiles.jwt),
    read(keyFiles.seal),
  ]);
  const signing = parse(folder, keyFiles.signing, () => createPrivateKey(signingPem));
  parse(folder, keyFiles.ca, () => new X509Certificate(ca));
  return {
    controller: controller.trim(),
    ca,
    signing,
    controllerKey: rawPublicKey(signing),
    jwtSecret: given.jwtSecret === undefined ? Buffer.from(jwt, "base64") : strongEnough(given.jwtSecret),
    sealKey: Buffer.from(seal, "base64"),
  };
}

/** The raw public half of an Ed25519 key, base64url. */
export const rawPublicKey = (key: KeyObject): string => createPublicKey(key).export({ format: "jwk" }).x as string;

function strongEnough(secret: string): Uint8Array {
  const bytes = Buffer.from(secret, "utf8");
  if (bytes.length >= 32) return bytes;
  throw new ProblemError(
    error("keys/jwt-secret-short", `Unable to use JWT_SECRET: it has ${bytes.length} bytes, at least 32 are needed`, {
      hint: "Leave JWT_SECRET unset and the controller uses one of its own, or set it to the output of: openssl rand -base64 32",
    }),
  );
}

async function make(folder: string, name: string, content: () => string | Promise<string>): Promise<string> {
  const path = join(folder, name);
  const there = await readFile(path, "utf8").catch(absent);
  if (there !== undefined) return there;
  const made = await content();
  await writeDurably(path, made);
  return made;
}

async function readKey(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  const text = await readFile(path, "utf8").catch(absent);
  if (text !== undefined && text.trim() !== "") return text;
  throw new ProblemError(
    error("keys/missing", `Unable to read the controller's key ${path}: ${text === undefined ? "no such file" : "the file is empty"}`, {
      hint: "`backend-ai init` makes the keys of a new controller. If agents are enrolled already, restore the folder from a backup: with new keys they all have to enrol again.",
    }),
  );
}

function parse<T>(folder: string, name: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new ProblemError(
      error("keys/damaged", `Unable to use the controller's key ${join(folder, name)}: it does not parse`, {
        hint: "Restore the file from a backup.",
      }),
      { cause },
    );
  }
}

/** For `catch`: a file that is not there is `undefined`, anything else is still an error. */
function absent(cause: unknown): undefined {
  if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
  return undefined;
}
