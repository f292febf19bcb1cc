import { afterAll, beforeAll, expect, test } from "vitest";
import { down, type Host, up } from "../lab/lab.ts";
import { measured, until } from "./stage.ts";
import { type HostVerbs, Refused, verbsOf } from "./verbs-of-host.ts";

/** Name, epoch, version, release, and further lines of the spec. `slow` installs until somebody writes to its pipe. */
const packages = [
  ["hello", "0", "1.0", "1.el9", ""],
  ["hello", "0", "1.1", "1.el9", ""],
  ["hello", "0", "1.10", "1.el9", ""],
  ["epochal", "2", "1.0~rc1", "3", ""],
  ["epochal", "2", "1.0", "1", ""],
  ["caret", "0", "1.0^20260101git", "1", ""],
  ["shell", "0", "1", "1", "Provides: /bin/sh"],
  ["needy", "0", "1", "1", "Requires: hello"],
  ["torn", "0", "1", "1", "Requires: nowhere"],
  ["sick", "0", "1", "1", "%pre\nexit 3"],
  ["slow", "0", "1", "1", "%pre\nread line </run/slow.pipe"],
] as const;

/** dnf and a repository of small packages on a Debian host, from which apt is hidden, so that the agent takes dnf. */
const prepare = `set -e
apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends dnf rpm createrepo-c
mv /usr/bin/apt-get /usr/bin/apt-get.hidden
mkdir -p /opt/build /opt/repo /etc/yum.repos.d
mkfifo /run/slow.pipe
build() {
  printf 'Name: %s\\nEpoch: %s\\nVersion: %s\\nRelease: %s\\nSummary: test\\nLicense: MIT\\nBuildArch: noarch\\n%b\\n%%description\\ntest\\n%%files\\n' "$@" >/opt/build/it.spec
  rpmbuild --quiet -bb --define '_topdir /opt/build' --define '_rpmdir /opt/repo' /opt/build/it.spec
}
${packages.map(([name, epoch, version, release, more]) => `build ${name} ${epoch} '${version}' ${release} '${more.replaceAll("\n", "\\n")}'`).join("\n")}
createrepo_c -q /opt/repo
printf '[lab]\\nname=lab\\nbaseurl=file:///opt/repo\\ngpgcheck=0\\n' >/etc/yum.repos.d/lab.repo
`;

let host: Host, verbs: HostVerbs;

beforeAll(async () => {
  await down();
  host = (await up(1))[0] as Host;
  await host.exec("bash", "-c", prepare);
  verbs = await verbsOf(host);
});
afterAll(async () => {
  await verbs?.close();
  await down();
});

const read = (name: string) => verbs.probe("package", { name });
const refusal = (work: Promise<unknown>) =>
  work.then(
    (answer) => expect.fail(`not refused: ${String(answer)}`),
    (failure: Refused) => failure.problem,
  );

test("packages that no list is there for yet are found, unknown ones are not", async () => {
  expect(await read("hello")).toEqual({ name: "hello", manager: "dnf", installed: false, candidate: "1.10-1.el9" });
  expect(await read("epochal")).toMatchObject({ installed: false, candidate: "2:1.0-1" });
  expect(await read("nosuch")).toEqual({ name: "nosuch", manager: "dnf", installed: false });
});

test("an exact version is installed, raised and lowered; the newest by an upgrade", async () => {
  const set = (name: string, version?: string) =>
    verbs.act("package.set", { name, state: "present", ...(version === undefined ? {} : { version }) });
  for (const version of ["1.1-1.el9", "1.10-1.el9", "1.0-1.el9"]) {
    await set("hello", version);
    expect(await read("hello")).toMatchObject({ installed: true, version, candidate: "1.10-1.el9" });
  }
  await set("hello");
  expect((await read("hello")).version).toBe("1.0-1.el9");
  const before = Date.now();
  await verbs.act("package.upgrade", { name: "hello" });
  const upgraded = await read("hello");
  expect(upgraded).toMatchObject({ version: "1.10-1.el9" });
  expect(upgraded.upgradedAt).toBeGreaterThanOrEqual(before);
  await set("hello.noarch", "1.1-1.el9");
  expect(await read("hello.noarch")).toMatchObject({ installed: true, version: "1.1-1.el9" });
});

test("versions with epoch, tilde and caret are the ones that rpm means", async () => {
  await verbs.act("package.set", { name: "epochal", state: "present", version: "2:1.0~rc1-3" });
  expect(await read("epochal")).toMatchObject({ version: "2:1.0~rc1-3", candidate: "2:1.0-1" });
  expect(await refusal(verbs.act("package.set", { name: "epochal", state: "present", version: "1.0-1" }))).toMatchObject({
    code: "package/version",
    detail: expect.stringContaining("2:1.0-1"),
  });
  expect((await read("epochal")).version).toBe("2:1.0~rc1-3");
  await verbs.act("package.upgrade", { name: "epochal" });
  expect((await read("epochal")).version).toBe("2:1.0-1");
  await verbs.act("package.set", { name: "caret", state: "present", version: "1.0^20260101git-1" });
  expect((await read("caret")).version).toBe("1.0^20260101git-1");
});

test("what cannot be is refused with dnf's own reason", async () => {
  const reasons = await Promise.all(
    (
      [
        { name: "nosuch", state: "present" },
        { name: "hello", state: "present", version: "9.9-1" },
        { name: "torn", state: "present" },
        { name: "sick", state: "present" },
      ] as const
    ).map((input) => refusal(verbs.act("package.set", input)).then(({ summary }) => summary)),
  );
  expect(reasons).toEqual([
    "Unable to finish dnf install nosuch: Unable to find a match: nosuch",
    "Unable to install hello 9.9-1: the host's package sources do not have this version",
    "Unable to finish dnf install torn: conflicting requests: nothing provides nowhere needed by torn-1-1.noarch",
    "Unable to finish dnf install sick: %prein(sick-0:1-1.noarch) scriptlet failed, exit status 3",
  ]);
});

test("a package that another one needs stays, where somebody wanted that one", async () => {
  await verbs.act("package.set", { name: "needy", state: "present" });
  expect(await refusal(verbs.act("package.set", { name: "hello", state: "absent" }))).toMatchObject({
    code: "package/needed",
    summary: "Unable to remove hello: needy would be removed with it",
  });
  await verbs.act("package.set", { name: "needy", state: "absent" });
  await verbs.act("package.set", { name: "hello", state: "absent" });
  expect(await read("hello")).toMatchObject({ installed: false, candidate: "1.10-1.el9" });
  expect(await verbs.act("package.set", { name: "hello", state: "absent" })).toBe("");
});

test("a change that somebody makes is told at once, and looking tells of none", async () => {
  const dirty = await verbs.watch("package", { name: "hello" });
  await read("hello");
  const made = await host.exec("sh", "-c", "rpm --nodeps -i /opt/repo/noarch/hello-1.0-1.el9.noarch.rpm 2>/dev/null; date +%s%3N");
  const madeAt = Number(made.stdout.trim());
  await until("drift", async () => (dirty.length > 0 ? true : undefined), { ms: 5000 });
  const noticed = (dirty[0] as number) - madeAt;
  measured("noticed after rpm had ended", noticed);
  expect(noticed).toBeLessThan(1000);
  expect(await read("hello")).toMatchObject({ installed: true, version: "1.0-1.el9" });
  // Once it is quiet, probes of this package and of others tell of no change: they would be answered by probes for ever.
  await until("quiet", async () => {
    const [before] = [dirty.length, await host.exec("sleep", "1")];
    return dirty.length === before ? true : undefined;
  });
  const quiet = dirty.length;
  for (const name of ["hello", "epochal", "nosuch"]) await read(name);
  await verbs.probe("packages", { pattern: "*" });
  await host.exec("sleep", "1");
  expect(dirty.length).toBe(quiet);
});

test("a package manager at work is seen, waited for, and does not fail the next one", async () => {
  const slow = host.exec("dnf", "install", "-y", "slow", { reject: false });
  await until("at work", async () => ((await read("hello")).changing === true ? true : undefined));
  const ours = verbs.act("package.set", { name: "hello", state: "present", version: "1.1-1.el9" });
  let over = false;
  void ours.finally(() => (over = true)).catch(() => undefined);
  const waits = "dnf install -y -- hello-1.1";
  await until("dnf that waits", async () => ((await host.exec("pgrep", "-f", waits, { reject: false })).code === 0 ? true : undefined));
  expect(over).toBe(false);
  await host.exec("sh", "-c", "echo go >/run/slow.pipe");
  expect((await slow).code).toBe(0);
  await ours;
  const after = await read("hello");
  expect(after).toMatchObject({ installed: true, version: "1.1-1.el9" });
  expect(after.changing).toBeUndefined();
  expect((await read("slow")).installed).toBe(true);
});

test("a source that cannot be reached is worth another try", async () => {
  await host.exec(
    "sh",
    "-c",
    "sed -i 's|file:.*|http://127.0.0.1:9/|' /etc/yum.repos.d/lab.repo; echo skip_if_unavailable=0 >>/etc/yum.repos.d/lab.repo; dnf clean all",
  );
  expect(await refusal(verbs.act("package.upgrade", { name: "hello" }))).toMatchObject({ code: "package/failed", retry: "later" });
});
