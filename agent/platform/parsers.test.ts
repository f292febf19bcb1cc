import { expect, test } from "vitest";
import { parseJournal } from "../probes/journal.ts";
import { probePackages } from "../probes/packages.ts";
import { parseMounts } from "./host/disks.ts";
import { parseSockets, readableAddress } from "./host/listeners.ts";
import { parseCpu, parseMemory, parseNetwork } from "./host/metrics.ts";
import { parseOsRelease } from "./host/read-host.ts";
import { overlaysFor } from "./in-namespace.ts";
import { maskSecrets } from "./mask.ts";
import { neededBy, parseInstalled, parseSearch, reasonIn as apkReasonIn } from "./packages/apk.ts";
import { parsePolicies, removals } from "./packages/apt.ts";
import type { PackagePlatform } from "./packages/platform.ts";
import { nevra } from "./packages/dnf.ts";
import { alsoRemoved, index, parseRows, reasonIn } from "./packages/dnf-output.ts";
import { findEntry, isBroken, isInstalled, parseDpkgStatus } from "./packages/dpkg-status.ts";
import { holdsLock } from "./packages/file-lock.ts";
import { parseHistory } from "./packages/who-installed.ts";
import { pathOfUnit, unitOfPath } from "./systemd/names.ts";
import { parseSudoLines } from "./who.ts";

test("dpkg's status file: states, holds, architectures", () => {
  const entries = parseDpkgStatus(
    [
      "Package: nginx\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.22.1-9\nDescription: web server\n Status: not a field\n",
      "Package: libc6\nStatus: install ok installed\nArchitecture: i386\nVersion: 2.36-9\n",
      "Package: libc6\nStatus: hold ok installed\nArchitecture: amd64\nVersion: 2.36-9+x\n",
      "Package: broken\nStatus: install reinstreq half-installed\nArchitecture: all\nVersion: 1\n",
      "Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n",
    ].join("\n"),
  );
  expect(findEntry(entries, "libc6", "amd64")).toMatchObject({ version: "2.36-9+x", want: "hold" });
  expect(findEntry(entries, "libc6:i386", "amd64")).toMatchObject({ version: "2.36-9" });
  expect(entries.filter(isInstalled).map(({ name }) => name)).toEqual(["nginx", "libc6", "libc6"]);
  expect(entries.filter(isBroken).map(({ name }) => name)).toEqual(["broken"]);
  expect(findEntry(entries, "none", "amd64")).toBeUndefined();
});

test("apt-cache policy, a simulated removal, apt's history", () => {
  const policy =
    "nginx:\n  Installed: 1.22.1-9\n  Candidate: 1.24.0-1\n  Version table:\n *** 1.22.1-9 100\nghost:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\n";
  expect([...parsePolicies(policy)]).toEqual([["nginx", "1.24.0-1"]]);
  expect(removals("Inst x\nRemv nginx [1.22]\nPurg nginx-common [1.22]\n")).toEqual(["nginx", "nginx-common"]);
  const history =
    "Start-Date: 2026-11-20  10:00:00\nCommandline: apt-get remove a\nEnd-Date: x\n\nStart-Date: 2026-11-20  11:00:00\nCommandline: apt install nginx\nRequested-By: alice (1000)\nInstall: nginx:amd64 (1)\n";
  expect(parseHistory(history)).toEqual({ who: "alice", how: "apt install nginx" });
  expect(parseHistory("")).toBeUndefined();
});

test("rpm's rows and dnf's messages", () => {
  // Of rpm 4.18 and dnf 4.14; dnf prints a line end of its own after each row.
  const rows = parseRows(
    "epochal|2|1.0-1|noarch\n\nhello|0|1.0-1.el9|noarch\npackage nosuch is not installed\ngpg-pubkey|(none)|a-b|(none)\nglibc|0|2.39-6|i686\nglibc|0|2.39-5|x86_64\n",
  );
  expect(rows[0]).toEqual({ name: "epochal", version: "2:1.0-1", architecture: "noarch" });
  expect([...index(rows)]).toEqual([
    ["epochal", "2:1.0-1"],
    ["epochal.noarch", "2:1.0-1"],
    ["hello", "1.0-1.el9"],
    ["hello.noarch", "1.0-1.el9"],
    ["glibc", "2.39-5"],
    ["glibc.i686", "2.39-6"],
    ["glibc.x86_64", "2.39-5"],
  ]);
  expect([nevra("python3.11", "3.11.9-1"), nevra("glibc.i686", "2.39-6")]).toEqual(["python3.11-3.11.9-1", "glibc-2.39-6.i686"]);
  const table =
    "Removing:\n hello            noarch            1.0-1.el9             @lab              0  \nRemoving dependent packages:\n needy            noarch            1-1                   @lab              0  \n\nTransaction Summary\n====\nRemove  2 Packages\n";
  expect(alsoRemoved(table)).toEqual(["needy"]);
  expect(alsoRemoved("Removing:\n hello noarch 1.0-1.el9 @lab 0\n\nTransaction Summary\n")).toEqual([]);
  const reasons = [
    "Last metadata expiration check: 0:01:11 ago on Fri Nov 20 16:17:01 2026.\nNo match for argument: nosuch\nError: Unable to find a match: nosuch\n",
    "Error: \n Problem: conflicting requests\n  - nothing provides nowhere needed by torn-1-1.noarch\n(try to add '--skip-broken' to skip uninstallable packages)\n",
    "error: %prein(sick-0:1-1.noarch) scriptlet failed, exit status 3\n\nError in PREIN scriptlet in rpm package sick\nFailed:\n  sick-1-1.noarch\n\nError: Transaction failed\n",
    "Failed to resolve the transaction:\nNo match for argument: nosuch\nYou can try to add to command line:\n  --skip-unavailable to skip unavailable packages\n",
    "Killed\n",
  ];
  expect(reasons.map(reasonIn)).toEqual([
    "Unable to find a match: nosuch",
    "conflicting requests: nothing provides nowhere needed by torn-1-1.noarch",
    "%prein(sick-0:1-1.noarch) scriptlet failed, exit status 3",
    "No match for argument: nosuch",
    undefined,
  ]);
});

test("apk's database and its candidates", () => {
  expect([...parseInstalled("C:Q1x\nP:musl\nV:1.2.5-r0\nA:x86_64\n\nP:nginx\nV:1.26.2-r0\nF:etc\nM:0:0:755\n\n")]).toEqual([
    ["musl", "1.2.5-r0"],
    ["nginx", "1.26.2-r0"],
  ]);
  expect(parseSearch("nginx-1.26.2-r0\n", "nginx")).toBe("1.26.2-r0");
  expect(parseSearch("", "nginx")).toBeUndefined();
  // --exact lists what provides the name as well.
  expect(parseSearch("nginx-1.26.2-r0\nnginx-mod-http-xslt-1.26.2-r1\nangie-1.8.1-r0\n", "nginx")).toBe("1.26.2-r0");
});

test("apk's messages", () => {
  // As apk-tools' own source and tests have them.
  const reasons = [
    "ERROR: unable to select packages:\n  nosuch (no such package):\n    required by: world[nosuch]\n",
    "ERROR: unable to select packages:\n  nginx-1.26.2-r0:\n    breaks: world[nginx=9.9-r0]\n",
    "ERROR: Unable to lock database: temporary error (try again later)\nERROR: Failed to open apk database: temporary error (try again later)\n",
    "OK: 8 MiB in 15 packages\n",
  ];
  expect(reasons.map(apkReasonIn)).toEqual([
    "unable to select packages: nosuch (no such package): required by: world[nosuch]",
    "unable to select packages: nginx-1.26.2-r0: breaks: world[nginx=9.9-r0]",
    "Unable to lock database: temporary error (try again later)",
    undefined,
  ]);
  expect(
    neededBy("World updated, but the following packages are not removed due to:\n  pcre: nginx grep\n\nOK: 8 MiB in 15 packages\n"),
  ).toEqual(["nginx", "grep"]);
  expect(neededBy("(1/1) Purging pcre (8.45-r3)\nOK: 8 MiB in 14 packages\n")).toBeUndefined();
});

test("/proc/locks: held, waiting, another file", () => {
  const locks = "1: POSIX  ADVISORY  WRITE 1378 00:3d:1540718 0 EOF\n1: -> POSIX  ADVISORY  WRITE 1390 00:3d:99 0 EOF\n";
  expect(holdsLock(locks, 1540718, 0x3d)).toBe(true);
  expect(holdsLock(locks, 99, 0x3d)).toBe(false);
  expect(holdsLock(locks, 7, 0x3d)).toBe(false);
});

test("unit names and their D-Bus paths", () => {
  expect(pathOfUnit("nginx.service")).toBe("/org/freedesktop/systemd1/unit/nginx_2eservice");
  expect(pathOfUnit("7up@a-b.service")).toBe("/org/freedesktop/systemd1/unit/_37up_40a_2db_2eservice");
  for (const unit of ["nginx.service", "7up@a-b.service", "dev-disk\\x2d1.mount", "a_b.timer"])
    expect(unitOfPath(pathOfUnit(unit))).toBe(unit);
  expect(unitOfPath("/org/freedesktop/systemd1")).toBeUndefined();
});

test("figures of /proc", () => {
  expect(parseCpu("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3\n")).toEqual({ busy: 150, total: 1000 });
  expect(parseMemory("MemTotal: 1000 kB\nMemFree: 10 kB\nMemAvailable: 250 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n")).toEqual({
    memory: 75,
    swap: 0,
  });
  expect(parseNetwork("h\nh\n  lo: 5 0 0 0 0 0 0 0 5 0\neth0: 100 1 0 0 0 0 0 0 200 2\n")).toEqual({ received: 100, sent: 200 });
  expect(
    parseMounts(
      "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n23 22 8:1 /x /mnt/bind rw - ext4 /dev/sda1 rw\n24 22 8:2 / /data\\040x rw - xfs /dev/sdb rw\n25 22 0:5 / /proc rw - proc proc rw\n",
    ),
  ).toEqual(["/", "/data x"]);
  expect(parseOsRelease('ID=debian\nPRETTY_NAME="Debian \\"12\\""\n').get("PRETTY_NAME")).toBe('Debian "12"');
});

test("listening sockets", () => {
  const tcp =
    "  sl  local_address rem_address   st\n   0: 0100007F:1F90 00000000:0000 0A 0:0 0:0 0 0 0 4242 1\n   1: 0100007F:1F90 0100007F:9999 01 0:0 0:0 0 0 0 4243 1\n";
  expect(parseSockets(tcp, "tcp")).toEqual([{ address: "127.0.0.1", port: 8080, inode: "4242" }]);
  expect(readableAddress("00000000000000000000000001000000")).toBe("::1");
  expect(readableAddress("0000000000000000FFFF00000100007F")).toBe("127.0.0.1");
});

test("secrets in log lines are covered, the rest stays", () => {
  expect(maskSecrets('user=bob password=hunter2 x="1"')).toBe('user=bob password=******** x="1"');
  expect(maskSecrets("Authorization: Bearer abcdefghijkl")).toBe("Authorization: Bearer ********");
  expect(maskSecrets('{"api_key": "abc", "port": 80}')).toBe('{"api_key": ********, "port": 80}');
  expect(maskSecrets("postgres://app:pw@db/x")).toBe("postgres://app:********@db/x");
  expect(maskSecrets("mysql --password geheim -u root")).toBe("mysql --password ******** -u root");
  expect(maskSecrets("a -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- b")).toBe("a ******** b");
  expect(maskSecrets("GET /index.html 200")).toBe("GET /index.html 200");
  expect(maskSecrets("a.b-db_password=x my-token: y")).toBe("a.b-db_password=******** my-token: ********");
});

test.each(["a.", "eyJ-", "a", "password ", "://x:", "-----BEGIN ", "Bearer ", "sk-"])(
  "a log line of nothing but %j, made to keep the agent busy, is covered all the same",
  (part) => {
    const line = `${part.repeat(1_000_000 / part.length)} token=abc`;
    expect(maskSecrets(line).endsWith("abc")).toBe(false);
  },
);

test("a pattern made to keep the agent busy is answered like any other", async () => {
  const list = () => Promise.resolve([{ name: "a".repeat(200), version: "1" }]);
  const probe = probePackages({ list } as unknown as PackagePlatform);
  expect(await probe({ pattern: `${"*?".repeat(100)}x` })).toEqual({ packages: [], truncated: false });
});

test("journal lines: text, bytes, rubbish, filter", () => {
  const output = `${JSON.stringify({ __REALTIME_TIMESTAMP: "1700000000123456", MESSAGE: "token=abc started", PRIORITY: "6", _SYSTEMD_UNIT: "a.service" })}\nrubbish\n${JSON.stringify({ __REALTIME_TIMESTAMP: "1700000000223456", MESSAGE: [104, 105], PRIORITY: "3" })}\n`;
  expect(parseJournal(output)).toEqual([
    { at: 1_700_000_000_123, unit: "a.service", priority: 6, text: "token=******** started" },
    { at: 1_700_000_000_223, priority: 3, text: "hi" },
  ]);
  expect(parseJournal(output, "STARTED")).toHaveLength(1);
});

test("sudo's log lines: what was refused is nobody's deed", () => {
  expect(parseSudoLines("   alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/systemctl stop nginx\nrubbish\n")).toEqual([
    { user: "alice", command: "/usr/bin/systemctl stop nginx" },
  ]);
  expect(parseSudoLines("bob : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/systemctl stop nginx\n")).toEqual([]);
  expect(parseSudoLines("bob : 1 incorrect password attempt ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/true\n")).toEqual([]);
});

test("overlays: one for each top-level folder and for each mount inside that holds a file; other mounts are bound back", () => {
  const mounts = ["/", "/proc", "/etc/resolv.conf", "/srv", "/srv/www", "/run", "/run/lock"];
  expect(overlaysFor(["/etc/nginx/nginx.conf", "/srv/www/a/b"], mounts)).toEqual([
    { folder: "/etc", below: ["/etc/resolv.conf"] },
    { folder: "/run", below: ["/run/lock"] },
    { folder: "/srv", below: [] },
    { folder: "/srv/www", below: [] },
    { folder: "/var", below: [] },
  ]);
});
