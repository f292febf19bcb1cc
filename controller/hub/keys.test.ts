import { X509Certificate } from "node:crypto";
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fingerprint, issueServer, makeAuthority, newCertificateKey } from "./ca.ts";
import { initKeys, keyFiles, loadKeys } from "./keys.ts";
import { givenCertificate, ownCertificate } from "./server-certificate.ts";

const day = 86_400_000,
  now = Date.now();
let folder: string;
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), "keys-")), "keys");
});
afterEach(() => rm(join(folder, ".."), { recursive: true }));

test("init makes a folder that only its owner can read, and a second one changes nothing", async () => {
  await initKeys(folder, now);
  const before = await loadKeys(folder),
    names = (await readdir(folder)).sort();
  expect(names).toEqual([keyFiles.ca, keyFiles.caKey, keyFiles.id, keyFiles.jwt, keyFiles.seal, keyFiles.signing].sort());
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  for (const name of names) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  await initKeys(folder, now);
  expect(fingerprint((await loadKeys(folder)).ca)).toBe(fingerprint(before.ca));
  expect((await loadKeys(folder)).controllerKey).toBe(before.controllerKey);
  expect([before.jwtSecret.length, before.sealKey.length]).toEqual([32, 32]);
});

test("init finishes what a power cut left half done, with the key that is there", async () => {
  await initKeys(folder, now);
  const key = await readFile(join(folder, keyFiles.caKey), "utf8");
  await rm(join(folder, keyFiles.ca));
  await rm(join(folder, keyFiles.seal));
  await initKeys(folder, now);
  expect(await readFile(join(folder, keyFiles.caKey), "utf8")).toBe(key);
  expect(new X509Certificate((await loadKeys(folder)).ca).ca).toBe(true);
});

test("a lost or damaged key is a problem that names the file, and is never made anew in silence", async () => {
  await initKeys(folder, now);
  await rm(join(folder, keyFiles.ca));
  await expect(loadKeys(folder)).rejects.toThrow(/Unable to read the controller's key .*ca\.pem: no such file/);
  expect(await readdir(folder)).not.toContain(keyFiles.ca);
  await initKeys(folder, now);
  await chmod(join(folder, keyFiles.signing), 0o600);
  await writeFile(join(folder, keyFiles.signing), "-----BEGIN PRIVATE KEY-----\n");
  await expect(loadKeys(folder)).rejects.toThrow(/Unable to use the controller's key .*signing\.key\.pem: it does not parse/);
});

test("JWT_SECRET stands in for the generated secret, if it is long enough", async () => {
  await initKeys(folder, now);
  const secret = "x".repeat(32);
  expect(Buffer.from((await loadKeys(folder, { jwtSecret: secret })).jwtSecret).toString()).toBe(secret);
  await expect(loadKeys(folder, { jwtSecret: "changeme" })).rejects.toThrow("JWT_SECRET: it has 8 bytes, at least 32 are needed");
});

test("the server's certificate is kept until 30 days are left or a name is missing, and is of the CA", async () => {
  await initKeys(folder, now);
  const names = ["controller.example", "192.0.2.1", "2001:db8::1"];
  const first = await ownCertificate(folder, names)(now),
    certificate = new X509Certificate(first.cert);
  expect(certificate.verify(new X509Certificate(first.ca).publicKey)).toBe(true);
  expect([certificate.checkHost("controller.example"), certificate.checkIP("192.0.2.1"), certificate.checkIP("2001:db8::1")]).toEqual([
    "controller.example",
    "192.0.2.1",
    "2001:db8::1",
  ]);
  expect(certificate.checkHost("other.example")).toBeUndefined();
  expect(Math.round((first.expiresAt - now) / day)).toBe(90);
  const at = (days: number, wanted = names) => ownCertificate(folder, wanted)(now + days * day).then((one) => one.cert === first.cert);
  expect(await at(59)).toBe(true);
  expect(await at(0, names.slice(1))).toBe(true);
  expect(await at(61)).toBe(false);
  expect(await at(0, [...names, "new.example"])).toBe(false);
  await writeFile(join(folder, keyFiles.server), "half a certif");
  expect((await ownCertificate(folder, names)(now)).cert).toContain("BEGIN CERTIFICATE");
});

test("with the CA's two files taken away it is made anew: the controller stays who it is, and its certificate is of the new CA", async () => {
  await initKeys(folder, now);
  const names = ["controller.example"],
    before = await loadKeys(folder),
    shown = await ownCertificate(folder, names)(now);
  await Promise.all([keyFiles.ca, keyFiles.caKey].map((name) => rm(join(folder, name))));
  await initKeys(folder, now);
  const after = await loadKeys(folder),
    next = await ownCertificate(folder, names)(now);
  expect([after.controller, after.controllerKey]).toEqual([before.controller, before.controllerKey]);
  expect(fingerprint(after.ca)).not.toBe(fingerprint(before.ca));
  expect([next.ca, next.cert === shown.cert]).toEqual([after.ca, false]);
  expect(new X509Certificate(next.cert).verify(new X509Certificate(after.ca).publicKey)).toBe(true);
});

test("given certificates are used where they fit together", async () => {
  await initKeys(folder, now);
  const ca = await makeAuthority(await newCertificateKey(), "given", now),
    other = await makeAuthority(await newCertificateKey(), "other", now);
  const server = await issueServer(ca, ["controller.example"], now),
    old = await issueServer(ca, ["controller.example"], now - 100 * day);
  const put = async (name: string, text: string) => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  const files = { cert: await put("s.pem", server.cert), key: await put("s.key", server.key), ca: await put("c.pem", ca.cert) };
  expect(await givenCertificate(files)(now)).toMatchObject({ cert: server.cert, ca: ca.cert });
  await expect(givenCertificate({ ...files, ca: await put("o.pem", other.cert) })(now)).rejects.toThrow(/it was not issued by .*o\.pem/);
  await expect(givenCertificate({ ...files, key: await put("o.key", other.key) })(now)).rejects.toThrow(/it does not belong to the key/);
  await expect(givenCertificate({ ...files, cert: await put("e.pem", old.cert), key: await put("e.key", old.key) })(now)).rejects.toThrow(
    /it expired on/,
  );
  await expect(givenCertificate({ ...files, cert: await put("x.pem", "no") })(now)).rejects.toThrow(/it is not a PEM certificate/);
});
