import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { error, ProblemError } from "../../schemas/problem.ts";
import { writeDurably } from "./durable-file.ts";
import { keyFiles } from "./keys.ts";

/** What the agents' server shows: chain and key, PEM, and the authority that agents pin. */
export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Gives the certificate to use now; called at the start and twice a day. */
export type CertificateSource = (now: number) => Promise<ServerCertificate>;

/**
 * Certificates of the private CA in a keys folder for these DNS names and addresses: the one there while it is good,
 * else a new one (90 days, renewed when 30 are left, or when a name is missing in it).
 */
export function ownCertificate(folder: string, names: readonly string[]): CertificateSource {
  return async (now) => {
    const { issueServer, stillGood } = await import("./ca.ts");
    const ca = await readFile(join(folder, keyFiles.ca), "utf8"),
      path = join(folder, keyFiles.server);
    const stored = split(await readFile(path, "utf8").catch(() => ""));
    if (stored !== undefined && stillGood(stored.certificate, new X509Certificate(ca), names, now))
      return { ...stored.pem, ca, expiresAt: expiry(stored.certificate) };
    const made = await issueServer({ cert: ca, key: await readFile(join(folder, keyFiles.caKey), "utf8") }, names, now);
    await writeDurably(path, made.cert + made.key);
    return { ...made, ca, expiresAt: expiry(new X509Certificate(made.cert)) };
  };
}

/** Certificates from elsewhere, read again each time; `ca` is what agents pin. Throws ProblemError where they do not fit together or have expired. */
export function givenCertificate(files: { readonly cert: string; readonly key: string; readonly ca: string }): CertificateSource {
  return async (now) => {
    const [cert, key, ca] = await Promise.all([files.cert, files.key, files.ca].map((path) => readFile(path, "utf8")));
    const refuse = (path: string, reason: string) =>
      new ProblemError(error("tls/unusable", `Unable to use the certificate ${path}: ${reason}`));
    const leaf = parsed(cert ?? "", () => refuse(files.cert, "it is not a PEM certificate"));
    const authority = parsed(ca ?? "", () => refuse(files.ca, "it is not a PEM certificate"));
    if (!leaf.checkPrivateKey(createPrivateKey(key ?? ""))) throw refuse(files.cert, `it does not belong to the key ${files.key}`);
    if (expiry(leaf) <= now) throw refuse(files.cert, `it expired on ${leaf.validTo}`);
    if (!chains(cert ?? "", authority)) throw refuse(files.cert, `it was not issued by ${files.ca}`);
    return { cert: cert ?? "", key: key ?? "", ca: ca ?? "", expiresAt: expiry(leaf) };
  };
}

const block = /-----BEGIN ([A-Z ]+)-----[^-]+-----END \1-----\n?/g;
const expiry = (certificate: X509Certificate): number => Date.parse(certificate.validTo);

/** Whether each certificate of a chain was issued by the next, and the last by the authority (or is the authority itself). */
function chains(chain: string, authority: X509Certificate): boolean {
  const links = [...chain.matchAll(block)].map(([text]) => new X509Certificate(text));
  return links.every((link, i) => {
    const issuer = links[i + 1] ?? authority;
    return link.fingerprint256 === authority.fingerprint256 || link.verify(issuer.publicKey);
  });
}

function parsed(text: string, otherwise: () => ProblemError): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch {
    throw otherwise();
  }
}

function split(text: string): { pem: { cert: string; key: string }; certificate: X509Certificate } | undefined {
  const [cert, key] = [...text.matchAll(block)].map(([whole]) => whole);
  if (cert === undefined || key === undefined) return undefined;
  try {
    const certificate = new X509Certificate(cert);
    return certificate.checkPrivateKey(createPrivateKey(key)) ? { pem: { cert, key }, certificate } : undefined;
  } catch {
    return undefined;
  }
}
