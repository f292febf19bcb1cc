import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { createPrivateKey, createPublicKey, randomBytes, webcrypto, X509Certificate } from "node:crypto";
import { isIP } from "node:net";

// P-256: TLS of Node, Bun, curl, GNU Wget and OpenSSL since 1.0 accept it; Ed25519 certificates are still refused by some of them.
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const day = 86_400_000;
/** Clocks of hosts that run late by up to this still find a new certificate valid. */
const backdate = day;

const authorityDays = 3650;
const serverDays = 90;
/** A server certificate is issued anew when this is all it has left. */
export const renewBeforeMs = 30 * day;

/** A certificate with its private key, both PEM. */
export interface Certified {
  readonly cert: string;
  readonly key: string;
}

/** A new private key, PKCS #8 PEM. */
export async function newCertificateKey(): Promise<string> {
  const pair = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  return pem("PRIVATE KEY", Buffer.from(await webcrypto.subtle.exportKey("pkcs8", pair.privateKey)));
}

/** Makes the certificate of a private CA for a key of `newCertificateKey`; `name` goes into its subject. */
export async function makeAuthority(key: string, name: string, now: number): Promise<Certified> {
  const keys = await importPair(key),
    subject = [{ CN: [`Backend AI CA ${name}`] }];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject,
    issuer: subject,
    notBefore: new Date(now - backdate),
    notAfter: new Date(now + authorityDays * day),
    signingKey: keys.privateKey,
    publicKey: keys.publicKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: `${certificate.toString("pem")}\n`, key };
}

/** Issues a server certificate for DNS names and IP addresses, with a key of its own. */
export async function issueServer(authority: Certified, names: readonly string[], now: number): Promise<Certified> {
  const key = await newCertificateKey(),
    keys = await importPair(key),
    ca = new x509.X509Certificate(authority.cert);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: [{ CN: [(names[0] ?? "backend-ai").slice(0, 64)] }],
    issuer: ca.subject,
    notBefore: new Date(now - backdate),
    notAfter: new Date(now + serverDays * day),
    signingKey: (await importPair(authority.key)).privateKey,
    publicKey: keys.publicKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(names.map((name) => ({ type: isIP(name) === 0 ? "dns" : "ip", value: name }))),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(ca.publicKey),
    ],
  });
  return { cert: `${certificate.toString("pem")}\n`, key };
}

/** Whether a certificate is valid for longer than it may have left, was issued by this authority, and covers every name. */
export function stillGood(certificate: X509Certificate, authority: X509Certificate, names: readonly string[], now: number): boolean {
  if (Date.parse(certificate.validTo) - now <= renewBeforeMs || Date.parse(certificate.validFrom) > now) return false;
  if (!certificate.verify(authority.publicKey)) return false;
  return names.every((name) => (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined);
}

/** SHA-256 of a certificate's DER, 64 hexadecimal digits. */
export const fingerprint = (cert: string): string => new X509Certificate(cert).fingerprint256.replaceAll(":", "").toLowerCase();

async function importPair(key: string): Promise<{ privateKey: webcrypto.CryptoKey; publicKey: webcrypto.CryptoKey }> {
  const object = createPrivateKey(key),
    open = createPublicKey(object);
  const privateKey = await webcrypto.subtle.importKey("pkcs8", object.export({ format: "der", type: "pkcs8" }), algorithm, false, ["sign"]);
  const publicKey = await webcrypto.subtle.importKey("spki", open.export({ format: "der", type: "spki" }), algorithm, true, ["verify"]);
  return { privateKey, publicKey };
}

/** 127 random bits: positive in DER (RFC 5280, 4.1.2.2). */
function serial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}

const pem = (label: string, der: Buffer): string =>
  `-----BEGIN ${label}-----\n${der.toString("base64").replace(/.{64}(?=.)/g, "$&\n")}\n-----END ${label}-----\n`;
