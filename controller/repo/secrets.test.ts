import { chmod, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ageIdentity } from "./identity.ts";
import { encryptSecret, openSecrets, withSecret } from "./secrets.ts";
import { problemOf, temporaryFolder } from "./testing.ts";

const newIdentity = async () => ageIdentity(join(await temporaryFolder(), "age.key"));
const file = (text: string | undefined, path = "secrets/db.age.yaml") => ({ path, text });

test("decrypts what was encrypted for the controller, by name and key", async () => {
  const { identity, recipient } = await newIdentity();
  const text = withSecret(
    withSecret("# of the database\n", "password", await encryptSecret(recipient, "hünter2\n")),
    "user",
    await encryptSecret([recipient], "app"),
  );
  expect(text).toMatch(/^# of the database\n\npassword: \|\n {2}-----BEGIN AGE/);
  const secrets = await openSecrets([file(text), { path: "manifests/a.yaml", text: "x" }], identity);
  expect([secrets.problems, secrets.refs]).toEqual([[], ["db/password", "db/user"]]);
  expect([secrets.exists("db/user"), secrets.exists("db/no"), secrets.value("db/user"), secrets.decrypt("db/password")]).toEqual([
    true,
    false,
    "app",
    "hünter2\n",
  ]);
  expect(() => secrets.decrypt("db/no")).toThrow("There is no secret db/no");
  const fewer = withSecret(text, "user", null);
  expect((await openSecrets([file(fewer)], identity, secrets)).refs).toEqual(["db/password"]);
  expect((await openSecrets([file(fewer)], "not an identity", secrets)).value("db/password")).toBe("hünter2\n");
});

test("what was encrypted for somebody else exists and is a problem", async () => {
  const ours = await newIdentity(),
    other = await newIdentity();
  const secrets = await openSecrets([file(withSecret(undefined, "password", await encryptSecret(other.recipient, "x")))], ours.identity);
  expect(secrets.problems).toMatchObject([{ code: "secret/undecryptable", where: { file: "secrets/db.age.yaml" } }]);
  expect([secrets.exists("db/password"), secrets.value("db/password")]).toEqual([true, undefined]);
});

test("says what is wrong with a file, and never quotes it", async () => {
  const { identity } = await newIdentity();
  const files = [
    file("password: hunter2\n"),
    file("- hunter2", "secrets/a.age.yaml"),
    file("a: &x [hunter2]\nb: *x\n", "secrets/b.age.yaml"),
    file("a: 1\na: hunter2", "secrets/c.age.yaml"),
    file("hunter2", "secrets/plain.txt"),
    file(undefined, "secrets/d.age.yaml"),
    file("hunter2 x: y\n", "secrets/e.age.yaml"),
  ];
  const { problems, refs } = await openSecrets(files, identity);
  expect(problems.map((problem) => problem.code)).toEqual([
    "secret/not-encrypted",
    "secret/bad-file",
    "secret/bad-file",
    "secret/bad-file",
    "secret/bad-name",
    "secret/bad-file",
    "secret/bad-key",
  ]);
  expect(refs).toEqual([]);
  expect(JSON.stringify(problems)).not.toContain("hunter2");
});

test("makes its identity once, for its owner alone", async () => {
  const path = join(await temporaryFolder(), "age.key"),
    made = await ageIdentity(path);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await ageIdentity(path)).toEqual(made);
  expect(await readFile(path, "utf8")).toContain(`# public key: ${made.recipient}\n`);
  await chmod(path, 0o644);
  expect((await ageIdentity(path)).warnings).toMatchObject([{ code: "secret/identity-open" }]);
  await writeFile(path, "nothing\n");
  expect(await problemOf(ageIdentity(path))).toMatchObject({ code: "secret/identity" });
});
