import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { Clock } from "../../agent/runtime/clock.ts";
import type { By } from "../../agent/runtime/verbs.ts";
import { hostClock } from "../../agent/runtime/clock.ts";
import { volatileMemory } from "../../agent/runtime/volatile-memory.ts";
import type { ActionInput, ActionName, ProbeInput, ProbeName, ProbeOutput } from "../../schemas/verbs/index.ts";
import { actions, probes } from "../../schemas/verbs/index.ts";
import { breakSomething } from "./faults.ts";
import { createPretendHost, type PretendHost, type Profile } from "./pretend-host.ts";
import { pretendVerbs } from "./verbs.ts";

const ajv = new Ajv2020({ strict: false });
const shape = (schema: object) => ajv.compile(schema);
const outputs = Object.fromEntries(Object.values(probes).map((probe) => [probe.name, shape(probe.output)]));
const inputs = Object.fromEntries([...Object.values(probes), ...Object.values(actions)].map((verb) => [verb.name, shape(verb.input)]));

/** A host with its verbs and memory; every input and output is held against its contract. */
function bench(profile: Profile = { system: "debian-12", role: "web" }, clock: Clock = hostClock, seed = 1) {
  const host = createPretendHost({ name: "web-01", profile, seed, clock });
  const verbs = pretendVerbs(host),
    memory = volatileMemory(clock),
    base = { memory, signal: new AbortController().signal, sealKey: Buffer.alloc(32, 1) };
  let steps = 0;
  const holds = (check: (typeof inputs)[string], value: unknown, what: string) => {
    if (!check!(value)) throw new Error(`${what} breaks its contract: ${ajv.errorsText(check!.errors)}`);
  };
  return {
    host,
    memory,
    verbs,
    async probe<N extends ProbeName>(name: N, input: ProbeInput<N>): Promise<ProbeOutput<N>> {
      holds(inputs[name]!, input, `input of ${name}`);
      const value = await (verbs.probes[name] as (input: unknown, context: unknown) => Promise<ProbeOutput<N>>)(input, base);
      holds(outputs[name]!, value, `output of ${name}`);
      return value;
    },
    async act<N extends ActionName>(name: N, input: ActionInput<N>, step = `Test/x@web-01#${(steps += 1)}`): Promise<string | undefined> {
      holds(inputs[name]!, input, `input of ${name}`);
      const context = { ...base, step, resource: "Test/x", progress: () => undefined };
      return (verbs.actions[name] as (input: unknown, context: unknown) => Promise<string | undefined>)(input, context);
    },
    break: (what: string) => breakSomething(host, what),
  };
}

let on: ReturnType<typeof bench>;
beforeEach(() => {
  on = bench();
});

const problem = (code: string) => expect.objectContaining({ problems: [expect.objectContaining({ code })] });
const nginx = { unit: "nginx.service" },
  site = "/etc/nginx/conf.d/shop.conf";
const profiles: Profile[] = [
  { system: "debian-12", role: "web" },
  { system: "ubuntu-22.04", role: "app" },
  { system: "ubuntu-24.04", role: "dev" },
  { system: "alpine-3.20", role: "cache" },
  { system: "debian-12", role: "download" },
];

describe.each(profiles)("$role on $system", (profile) => {
  test("every probe answers by its contract", async () => {
    const { probe } = bench(profile);
    await probe("host", {});
    await probe("metrics", {});
    await probe("network", {});
    await probe("owned", {});
    await probe("packages", {});
    await probe("package", { name: "nginx" });
    await probe("package", { name: "no-such-package" });
    await probe("service", { unit: "no-such.service", dropIns: ["a"] });
    await probe("file", { path: "/etc/hostname", content: true });
    await probe("file", { path: "/etc" });
    await probe("file", { path: "/no/such" });
    await probe("file", { path: "/etc/hostname", seal: true });
    await probe("journal", { lines: 50 });
    await probe("health", { http: "http://localhost/", withinMs: 100 });
    await probe("validate", { files: [{ path: "/etc/x.json", content: "{}", validator: "json" }] });
    for (const { unit } of (await probe("services", {})).units) expect(await probe("service", { unit })).toMatchObject({ load: "loaded" });
  });
});

describe("services", () => {
  test("what is set is what is seen, whatever was before", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ active: fc.boolean(), enabled: fc.boolean() }), { minLength: 1, maxLength: 6 }),
        async (goals) => {
          const { act, probe } = bench();
          for (const goal of goals) {
            await act("service.set", { ...nginx, ...goal });
            const once = await probe("service", nginx);
            await act("service.set", { ...nginx, ...goal });
            expect(await probe("service", nginx)).toEqual(once);
            expect(once).toMatchObject({ active: goal.active ? "active" : "inactive", enabled: goal.enabled ? "enabled" : "disabled" });
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test("a restart is another invocation and another process; a reload is neither", async () => {
    const before = await on.probe("service", nginx);
    await on.act("service.reload", nginx);
    const reloaded = await on.probe("service", nginx);
    expect(reloaded.loads).not.toBe(before.loads);
    expect({ ...reloaded, loads: "" }).toEqual({ ...before, loads: "" });
    await on.act("service.restart", nginx);
    const after = await on.probe("service", nginx);
    expect([after.invocation === before.invocation, after.mainPid === before.mainPid, after.since! > before.since!]).toEqual([
      false,
      false,
      true,
    ]);
  });

  test("an alias is the same unit, and a unit without its package is not found", async () => {
    expect(await bench({ system: "debian-12", role: "db" }).probe("service", { unit: "mysql.service" })).toMatchObject({
      unit: "mysql.service",
      load: "loaded",
      active: "active",
    });
    expect(await on.probe("service", { unit: "mysql.service" })).toMatchObject({ load: "not-found", enabled: "" });
    await expect(on.act("service.set", { unit: "mysql.service", active: true })).rejects.toEqual(problem("service/not-found"));
  });

  test("drop-ins are kept, told as asked, and taken away by null", async () => {
    await on.act("service.set", { ...nginx, dropIns: { limits: "[Service]\nLimitNOFILE=4096\n" } });
    expect((await on.probe("service", { ...nginx, dropIns: ["limits", "other"] })).dropIns).toEqual({
      limits: "[Service]\nLimitNOFILE=4096\n",
      other: null,
    });
    await on.act("service.set", { ...nginx, dropIns: { limits: null } });
    expect((await on.probe("service", { ...nginx, dropIns: ["limits"] })).dropIns).toEqual({ limits: null });
  });

  test("a wrong configuration does not reload, keeps the old one serving, and does not start again", async () => {
    await on.act("file.write", { path: site, content: "bad_directive on;\n" });
    await expect(on.act("service.reload", nginx)).rejects.toEqual(problem("service/job"));
    expect(await on.probe("health", { http: "http://localhost/", withinMs: 100 })).toMatchObject({ ok: true });
    await expect(on.act("service.restart", nginx)).rejects.toThrow('unknown directive "bad_directive" in /etc/nginx/conf.d/shop.conf:1');
    expect(await on.probe("service", nginx)).toMatchObject({ active: "failed", result: "exit-code" });
    expect(await on.probe("health", { http: "http://localhost/", withinMs: 100 })).toMatchObject({ ok: false });
  });

  test("two servers cannot have one port", async () => {
    await on.act("package.set", { name: "apache2", state: "present" });
    expect(await on.probe("service", { unit: "apache2.service" })).toMatchObject({ active: "failed", enabled: "enabled" });
    await on.act("service.set", { ...nginx, active: false });
    await on.act("service.set", { unit: "apache2.service", active: true });
    expect((await on.probe("network", {})).listeners).toContainEqual({ protocol: "tcp", address: "0.0.0.0", port: 80, program: "apache2" });
  });
});

describe("files", () => {
  test("what is written is what is seen; a second time changes nothing", async () => {
    const text = fc.string({ unit: "binary", maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(
        text,
        fc.constantFrom("0600", "0644", "0755"),
        fc.constantFrom("root", "www-data", "1234"),
        async (content, mode, owner) => {
          const { act, probe } = bench(),
            input = { path: "/srv/a/b.txt", content: Buffer.from(content).toString("base64"), encoding: "base64" as const, mode, owner };
          await act("file.write", input);
          const once = await probe("file", { path: input.path, content: true });
          expect(once).toMatchObject({
            type: "file",
            mode,
            owner,
            group: "root",
            size: Buffer.from(content).length,
            text: Buffer.from(content).toString(),
          });
          await act("file.write", input);
          expect(await probe("file", { path: input.path, content: true })).toEqual(once);
          expect(await probe("file", { path: "/srv/a" })).toMatchObject({ type: "directory" });
        },
      ),
      { numRuns: 40 },
    );
  });

  test("a restore puts back bytes, owner and mode, or the absence", async () => {
    const before = await on.probe("file", { path: "/etc/nginx/nginx.conf", content: true });
    await on.act("file.write", { path: "/etc/nginx/nginx.conf", content: "x", mode: "0600", owner: "www-data" }, "s1");
    await on.act("file.restore", { path: "/etc/nginx/nginx.conf", step: "s1" });
    expect(await on.probe("file", { path: "/etc/nginx/nginx.conf", content: true })).toEqual(before);
    await on.act("file.write", { path: site, content: "x" }, "s2");
    await on.act("file.restore", { path: site, step: "s2" });
    expect(await on.probe("file", { path: site })).toEqual({ path: site, type: "missing" });
    expect((await on.probe("owned", {})).owned.map(({ claim }) => claim)).toEqual(["file:/etc/nginx/nginx.conf"]);
    await expect(on.act("file.restore", { path: site, step: "s9" })).rejects.toEqual(problem("file/no-backup"));
  });

  test("only so many backups are kept", async () => {
    for (const [at, step] of ["a", "b", "c", "d"].entries())
      await on.act("file.write", { path: site, content: String(at), backups: 2 }, step);
    expect([on.memory.backups(site).map(({ step }) => step), on.host.backups.size]).toEqual([["c", "d"], 2]);
  });

  test("single values change and nothing else; null takes one away", async () => {
    const { act, probe } = bench({ system: "ubuntu-22.04", role: "app" }),
      path = "/etc/php/8.1/fpm/php.ini",
      asked = { path, values: { format: "ini" as const, keys: ["PHP.memory_limit", "PHP.engine", "PHP.none"] } };
    await act("file.values", { path, format: "ini", values: { "PHP.memory_limit": "512M" } });
    expect((await probe("file", asked)).values).toEqual({ "PHP.memory_limit": "512M", "PHP.engine": "On", "PHP.none": null });
    await act("file.values", { path, format: "ini", values: { "PHP.memory_limit": null } });
    expect((await probe("file", asked)).values).toMatchObject({ "PHP.memory_limit": null, "PHP.engine": "On" });
  });

  test("a marked unit is due until it has loaded the file, whoever loaded it", async () => {
    let now = Date.now();
    const { act, probe, ...rest } = bench(undefined, { ...hostClock, now: () => (now += 1) }),
      due = async () => (await probe("file", { path: site })).due;
    await act("file.write", { path: site, content: "# a\n", marks: [nginx.unit] });
    expect(await due()).toEqual([nginx.unit]);
    await act("service.reload", nginx);
    expect(await due()).toBeUndefined();
    await act("file.write", { path: site, content: "# b\n", marks: [nginx.unit] });
    expect(await due()).toEqual([nginx.unit]);
    await rest.break("restart nginx");
    expect(await due()).toBeUndefined();
  });

  test("folders, links, unknown accounts and missing files are refused, and nothing changes", async () => {
    await expect(on.act("file.write", { path: "/etc/nginx", content: "" })).rejects.toEqual(problem("file/not-a-file"));
    await expect(on.act("file.write", { path: "/etc/nginx/sites-enabled/default", content: "" })).rejects.toEqual(problem("file/link"));
    await expect(on.act("file.write", { path: "/etc/hostname/x", content: "" })).rejects.toEqual(problem("file/change"));
    await expect(on.act("file.write", { path: site, content: "", owner: "mallory" })).rejects.toEqual(problem("file/no-user"));
    await expect(on.act("file.write", { path: site, mode: "0600" })).rejects.toEqual(problem("file/missing"));
    expect([on.host.files.size, on.memory.owned(), on.host.backups.size]).toEqual([0, [], 0]);
  });
});

describe("packages", () => {
  test("nginx brings its service and files, and takes them along; its configuration stays until it is purged", async () => {
    const { act, probe } = bench({ system: "debian-12", role: "backup" });
    await act("package.set", { name: "nginx", state: "present" });
    expect(await probe("package", { name: "nginx" })).toMatchObject({ installed: true, version: "1.22.1-9+deb12u2" });
    expect(await probe("package", { name: "nginx-common" })).toMatchObject({ installed: true });
    expect(await probe("service", nginx)).toMatchObject({ active: "active", enabled: "enabled" });
    await act("package.set", { name: "nginx", state: "absent" });
    expect(await probe("service", nginx)).toMatchObject({ load: "not-found" });
    expect(await probe("file", { path: "/usr/sbin/nginx" })).toMatchObject({ type: "missing" });
    expect(await probe("file", { path: "/etc/nginx/nginx.conf" })).toMatchObject({ type: "file" });
    await act("package.set", { name: "nginx", state: "present" });
    await act("package.set", { name: "nginx", state: "absent", purge: true });
    expect(await probe("file", { path: "/etc/nginx/nginx.conf" })).toMatchObject({ type: "missing" });
    expect((await probe("owned", {})).owned).toEqual([]);
  });

  test("an upgrade brings the candidate, restarts the service and is remembered", async () => {
    const before = await on.probe("service", nginx),
      started = Date.now();
    await on.act("package.upgrade", { name: "nginx" });
    const fact = await on.probe("package", { name: "nginx" });
    expect([fact.version, fact.upgradedAt! >= started]).toEqual([fact.candidate, true]);
    expect((await on.probe("service", nginx)).invocation).not.toBe(before.invocation);
    const owned = await on.probe("owned", {});
    expect(owned.owned).toMatchObject([{ claim: "package:nginx", created: false, resource: "Test/x" }]);
  });

  test("unknown packages, versions, other managers and held packages are refused", async () => {
    await expect(on.act("package.set", { name: "nginxx", state: "present" })).rejects.toEqual(problem("package/unknown"));
    await expect(on.act("package.set", { name: "nginx", state: "present", version: "9.9" })).rejects.toEqual(problem("package/no-version"));
    await expect(on.act("package.set", { name: "nginx", state: "present", manager: "apk" })).rejects.toEqual(
      problem("package/other-manager"),
    );
    await on.break("hold nginx");
    await expect(on.act("package.upgrade", { name: "nginx" })).rejects.toEqual(problem("package/held"));
    expect(await on.probe("package", { name: "nginx" })).toMatchObject({ held: true, version: "1.22.1-9" });
  });

  test("Alpine neither enables nor starts what it installs, and has no drop-ins", async () => {
    const { act, probe } = bench({ system: "alpine-3.20", role: "cache" });
    await act("package.set", { name: "nginx", state: "present" });
    expect(await probe("service", nginx)).toMatchObject({ active: "inactive", enabled: "disabled" });
    await expect(act("service.set", { ...nginx, dropIns: { a: "x" } })).rejects.toEqual(problem("service/drop-ins"));
  });
});

describe("checks", () => {
  test.each([
    [
      "an unknown directive",
      "server {\n bad_directive on;\n}\n",
      `nginx: [emerg] unknown directive "bad_directive" in ${site}:2\nnginx: configuration file /etc/nginx/nginx.conf test failed`,
    ],
    [
      "a brace too few",
      "server {\n",
      `nginx: [emerg] unexpected end of file, expecting "}" in ${site}:2\nnginx: configuration file /etc/nginx/nginx.conf test failed`,
    ],
    ["a brace too many", "}\n", `nginx: [emerg] unexpected "}" in ${site}:1\nnginx: configuration file /etc/nginx/nginx.conf test failed`],
  ])("nginx names %s, and the live files stay as they are", async (_, content, output) => {
    const result = await on.probe("validate", { files: [{ path: site, content, validator: "nginx" }] });
    expect(result).toEqual({ ok: false, results: [{ validator: "nginx", paths: [site], ok: false, output }] });
    expect(await on.probe("file", { path: site })).toMatchObject({ type: "missing" });
  });

  test("all candidates count together: what one breaks another may mend", async () => {
    await on.act("file.write", { path: site, content: "bad_directive;\n" });
    const other = { path: "/etc/nginx/conf.d/b.conf", content: "server {\n}\n", validator: "nginx" as const };
    expect(await on.probe("validate", { files: [other] })).toMatchObject({ ok: false });
    expect(await on.probe("validate", { files: [other, { path: site, remove: true }] })).toMatchObject({ ok: true });
  });

  test("health follows what was loaded, and waits for what mends in time", async () => {
    const check = { http: "http://localhost/healthz", expect: 200, withinMs: 100 };
    await on.act("file.write", { path: site, content: "server {\n return 503;\n}\n" });
    expect(await on.probe("health", check)).toMatchObject({ ok: true });
    await on.act("service.reload", nginx);
    expect(await on.probe("health", check)).toMatchObject({ ok: false, detail: "http://localhost/healthz: 503, not 200" });
    const mending = on.probe("health", { ...check, withinMs: 10_000 });
    await on.act("file.write", { path: site, content: 'server {\n return 200 "fine";\n}\n' });
    await on.act("service.reload", nginx);
    expect(await mending).toMatchObject({ ok: true });
    expect(await on.probe("health", { ...check, contains: "other" })).toMatchObject({ ok: false });
    expect(await on.probe("health", { tcp: "localhost:80", unit: nginx.unit, withinMs: 100 })).toMatchObject({ ok: true });
    expect(await on.probe("health", { tcp: "localhost:81", withinMs: 100 })).toMatchObject({ ok: false });
  });
});

describe("watchers", () => {
  test("a change of the world marks what it touches, with who did it, and nothing else", async () => {
    const seen: [string, By | undefined][] = [];
    const services = await on.verbs.watchers.service!((input, by) => seen.push([input.unit, by]));
    const files = await on.verbs.watchers.file!((input, by) => seen.push([input.path, by]));
    await services.set([nginx, { unit: "cron.service" }]);
    await on.break("stop nginx");
    expect(seen).toEqual([["nginx.service", { who: "alice (sudo)", how: "/usr/bin/systemctl stop nginx.service" }]]);
    await files.set([{ path: site }]);
    await on.act("file.write", { path: site, content: "" });
    await on.act("file.write", { path: "/etc/other", content: "" });
    expect(seen.slice(1)).toEqual([[site, undefined]]);
    await services.close();
    await files.close();
    await on.break("start nginx");
    expect([seen.length, on.host.watchers.size]).toEqual([2, 0]);
  });
});

describe("seeds", () => {
  const clock: Clock = { now: () => 1_800_000_000_000, after: () => () => undefined };
  const look = async ({ probe }: ReturnType<typeof bench>) =>
    JSON.stringify([
      await probe("host", {}),
      await probe("metrics", {}),
      await probe("service", nginx),
      await probe("journal", { lines: 200 }),
      await probe("network", {}),
    ]);

  test("equal seeds and clocks are equal hosts; another seed is another host", async () => {
    const profile: Profile = { system: "debian-12", role: "web" };
    expect(await look(bench(profile, clock, 7))).toBe(await look(bench(profile, clock, 7)));
    expect(await look(bench(profile, clock, 8))).not.toBe(await look(bench(profile, clock, 7)));
  });

  test("figures move and stay plausible", async () => {
    let now = 1_800_000_000_000;
    const { probe } = bench({ system: "debian-12", role: "web" }, { now: () => now, after: () => () => undefined });
    const cpus = new Set<number>();
    for (; now < 1_800_003_600_000; now += 60_000) {
      const { cpu, memory, disks } = await probe("metrics", {});
      cpus.add(cpu);
      for (const figure of [cpu, memory, ...disks.map(({ used }) => used)])
        expect(figure >= 0 && figure <= 100 && Number.isInteger(figure)).toBe(true);
    }
    expect(cpus.size).toBeGreaterThan(3);
  });
});

test("errors of the payment service can be looked up", async () => {
  const { entries } = await bench({ system: "ubuntu-22.04", role: "app" }).probe("journal", {
    unit: "payment.service",
    priority: 3,
    lines: 50,
  });
  expect(entries).toHaveLength(50);
  expect(new Set(entries.map(({ unit, priority }) => `${unit} ${priority}`))).toEqual(new Set(["payment.service 3"]));
  expect(entries.map(({ at }) => at)).toEqual(entries.map(({ at }) => at).toSorted((a, b) => a - b));
});

test("hosts share what they have in common", () => {
  const [a, b] = [bench().host, bench().host] as [PretendHost, PretendHost];
  expect(a.image).toBe(b.image);
  expect([a.files.size, a.units.size, a.packages.size]).toEqual([0, 0, 0]);
});
