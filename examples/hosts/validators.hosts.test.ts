import { afterAll, beforeAll, expect, test } from "vitest";
import type { ProbeInput } from "../../schemas/verbs/index.ts";
import { down, type Host, up } from "../lab/lab.ts";
import { measured } from "./stage.ts";
import { type HostVerbs, verbsOf } from "./verbs-of-host.ts";

type Files = Readonly<Record<string, string>>;

interface Case {
  readonly validator: NonNullable<ProbeInput<"validate">["files"][number]["validator"]>;
  /** What is put on the host before, and stays. */
  readonly live?: Files;
  /** Accepted together; the first is the one that names the validator, the others are what it includes. */
  readonly good: Files;
  /** Each is refused with a message in which these words are. */
  readonly bad: readonly (readonly [Files, RegExp])[];
}

const pool = (lines: string): string => `[app]\nuser = www-data\ngroup = www-data\nlisten = /run/php/app.sock\n${lines}`;
const pm = "pm = ondemand\npm.max_children = 2\n";
const proxy = (lines: string): string =>
  `global\n  daemon\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 5s\n  timeout server 5s\n${lines}`;
const zone = (records: string): string =>
  `$TTL 300\n@ IN SOA ns.example. root.example. 1 3600 600 86400 300\n@ IN NS ns.example.\n${records}`;
const named = 'zone "example" { type master; file "/etc/bind/db.example"; };\n';
const unit = (lines: string): string => `[Unit]\nDescription=app\nDocumentation=man:app(8)\n\n[Service]\n${lines}\n`;

const cases: readonly Case[] = [
  {
    validator: "nginx",
    good: {
      "/etc/nginx/conf.d/app.conf": "server { listen 8081; include snippets/app.conf; }\n",
      "/etc/nginx/snippets/app.conf": "root /srv;\n",
    },
    bad: [
      [{ "/etc/nginx/conf.d/app.conf": "server { listn 8081; }\n" }, /unknown directive "listn" in \/etc\/nginx\/conf\.d\/app\.conf:1/],
      [{ "/etc/nginx/conf.d/app.conf": "server { include snippets/app.conf; }\n" }, /snippets\/app\.conf" failed \(2: No such file/],
    ],
  },
  {
    validator: "apache",
    good: { "/etc/apache2/conf-enabled/app.conf": "ServerTokens Prod\nInclude app.inc\n", "/etc/apache2/app.inc": "ServerSignature Off\n" },
    bad: [
      [{ "/etc/apache2/conf-enabled/app.conf": "ServerTokns Prod\n" }, /Invalid command 'ServerTokns'/],
      [{ "/etc/apache2/conf-enabled/app.conf": "<VirtualHost *:80>\n" }, /app\.conf.*<VirtualHost> was not closed/s],
    ],
  },
  {
    validator: "sshd",
    good: { "/etc/ssh/sshd_config.d/app.conf": "PermitRootLogin no\nMaxAuthTries 3\n" },
    bad: [[{ "/etc/ssh/sshd_config.d/app.conf": "PermitRotLogin no\n" }, /app\.conf.*Bad configuration option: PermitRotLogin/s]],
  },
  {
    validator: "php-fpm",
    good: { "/etc/php/8.2/fpm/pool.d/app.conf": pool(pm) },
    bad: [
      [{ "/etc/php/8.2/fpm/pool.d/app.conf": pool("pm = sideways\n") }, /invalid process manager/],
      [{ "/etc/php/8.2/fpm/pool.d/app.conf": pool(`${pm}unheard = of\n`) }, /unknown entry 'unheard'/],
    ],
  },
  {
    validator: "sudoers",
    good: { "/etc/sudoers.d/app": "app ALL=(root) NOPASSWD: /usr/bin/true\n" },
    bad: [
      [{ "/etc/sudoers.d/app": "app ALL=(root NOPASSWD: /usr/bin/true\n" }, /\/etc\/sudoers\.d\/app:1.*syntax error/s],
      // Good by itself, wrong with what the whole of sudoers has.
      [{ "/etc/sudoers.d/app": "User_Alias APP = app\n", "/etc/sudoers.d/again": "User_Alias APP = web\n" }, /APP.*already defined/],
    ],
  },
  {
    validator: "systemd-unit",
    good: { "/etc/systemd/system/app.service": unit("ExecStart=/usr/bin/sleep 1") },
    bad: [
      [{ "/etc/systemd/system/app.service": unit("ExecStart=/usr/bin/absent") }, /\/usr\/bin\/absent is not executable/],
      [{ "/etc/systemd/system/app.service": unit("ExecStart=/usr/bin/sleep 1\nRestrat=always") }, /Unknown key (name )?'Restrat'/],
      [
        { "/etc/systemd/system/app.service": unit("ExecStart=/usr/bin/sleep 1\nRestart=sometimes") },
        /app\.service:7: Failed to parse .*sometimes/,
      ],
      [{ "/etc/systemd/system/app.service": unit("Restart=always") }, /has no ExecStart=/],
    ],
  },
  {
    validator: "systemd-unit",
    good: { "/etc/systemd/system/nginx.service.d/app.conf": "[Service]\nLimitNOFILE=65536\n" },
    bad: [
      [
        { "/etc/systemd/system/nginx.service.d/app.conf": "[Service]\nLimitNOFILES=65536\n" },
        /app\.conf:2: Unknown key (name )?'LimitNOFILES'/,
      ],
      [{ "/etc/systemd/system/nginx.service.d/app.conf": "[Service]\nLimitNOFILE=many\n" }, /app\.conf:2: Failed to parse/],
    ],
  },
  {
    validator: "haproxy",
    good: { "/etc/haproxy/haproxy.cfg": proxy("listen app\n  bind :8082\n  server one 127.0.0.1:80\n") },
    bad: [[{ "/etc/haproxy/haproxy.cfg": proxy("listen app\n  bnd :8082\n") }, /unknown keyword 'bnd' in 'listen' section/]],
  },
  {
    validator: "haproxy",
    good: { "/etc/haproxy/conf.d/app.cfg": "backend app\n  server one 127.0.0.1:80\n" },
    bad: [
      [
        { "/etc/haproxy/conf.d/app.cfg": "frontend app\n  bind :8082\n  default_backend nowhere\n" },
        /unable to find required default_backend: 'nowhere'/,
      ],
    ],
  },
  {
    validator: "named",
    live: { "/etc/bind/db.live": zone("ns IN A 127.0.0.1\n") },
    good: { "/etc/bind/named.conf.local": named, "/etc/bind/db.example": zone("ns IN A 127.0.0.1\n") },
    bad: [
      [{ "/etc/bind/named.conf.local": 'zone "example" { type sideways; };\n' }, /named\.conf\.local:1.*'sideways' unexpected/s],
      [
        { "/etc/bind/named.conf.local": named, "/etc/bind/db.example": zone("ns IN A 127.0.0.1234\n") },
        /db\.example.*bad dotted quad|bad dotted quad.*db\.example/s,
      ],
    ],
  },
  {
    validator: "postfix",
    good: { "/etc/postfix/main.cf": "compatibility_level = 3.6\nmyhostname = app.example\ninet_interfaces = loopback-only\n" },
    bad: [
      [
        { "/etc/postfix/main.cf": "compatibility_level = 3.6\nmyhostname app.example\n" },
        /main\.cf, line 2: missing '=' after attribute name/,
      ],
      [{ "/etc/postfix/main.cf": "compatibility_level = 3.6\ninet_protocols = sideways\n" }, /unknown inet_protocols value "sideways"/],
    ],
  },
  {
    validator: "postfix",
    good: { "/etc/postfix/master.cf": "smtp inet n - y - - smtpd\npickup unix n - y 60 1 pickup\n" },
    bad: [[{ "/etc/postfix/master.cf": "smtp inet n - y\n" }, /master\.cf.*bad field count/s]],
  },
  { validator: "json", good: { "/etc/app.json": '{"a": 1}' }, bad: [[{ "/etc/app.json": '{"a": 1,}' }, /\/etc\/app\.json: .*JSON/]] },
  { validator: "yaml", good: { "/etc/app.yaml": "a: [1]\n" }, bad: [[{ "/etc/app.yaml": "a: [1\n" }, /\/etc\/app\.yaml: /]] },
];

let host: Host, verbs: HostVerbs;

beforeAll(async () => {
  await down();
  host = (await up(1))[0] as Host;
  const packages = ["apache2", "php-fpm", "haproxy", "bind9", "bind9-utils", "postfix"];
  await host.exec("apt-get", "update", "-q");
  await host.exec("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-q", "--no-install-recommends", ...packages);
  verbs = await verbsOf(host);
});
afterAll(async () => {
  await verbs?.close();
  await down();
});

/** Every file below /etc, with its digest, owner and mode; and who listens. */
const state = async (): Promise<string> =>
  (
    await host.exec(
      "sh",
      "-c",
      "find /etc -type f -exec sha256sum {} + | sort; find /etc -printf '%p %u %g %m %l\\n' | sort; ss -Hlntup | sort; grep -v '^[0-9]* [0-9]* [0-9:]* / /proc' /proc/self/mountinfo | wc -l",
    )
  ).stdout;

const check = (validator: Case["validator"], files: Files) =>
  verbs.probe("validate", {
    files: Object.entries(files).map(([path, content], at) => ({ path, content, ...(at === 0 ? { validator } : {}) })),
  });

test.each(cases.map((one) => [`${one.validator}: ${Object.keys(one.good)[0] ?? ""}`, one] as const))("%s", async (_, one) => {
  for (const [path, text] of Object.entries(one.live ?? {})) await host.exec("sh", "-c", 'cat >"$1"', "sh", path, { input: text });
  const before = await state();
  const startedAt = Date.now();
  const good = await check(one.validator, one.good);
  measured(`validate by ${one.validator}`, Date.now() - startedAt);
  expect(good).toMatchObject({ ok: true });
  for (const [files, words] of one.bad) {
    const { ok, results } = await check(one.validator, files);
    expect(ok, `accepted: ${JSON.stringify(files)}`).toBe(false);
    expect(results.map(({ output }) => output).join("\n")).toMatch(words);
  }
  expect(await state()).toBe(before);
});
