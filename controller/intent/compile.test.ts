import { expect, test } from "vitest";
import { admin, plain, pretendConverse } from "./pretend-converse.ts";

const webs = `# all web servers
apiVersion: backend-ai/v1
kind: Service
metadata:
  name: nginx   # the front
  labels: { team: web }
spec:
  on: tag=webserver
  unit: nginx.service
  state: running     # always

  rollout: { maxUnavailable: 1 }
---
apiVersion: backend-ai/v1
kind: Package
metadata: { name: nginx }
spec: { on: tag=webserver }   # from the distribution
`;
const path = "manifests/web.yaml";

async function after(sentence: string, on: ReturnType<typeof pretendConverse>): Promise<string> {
  const view = await on.converse.ask(sentence, admin, { requireConfirmation: false });
  return view.status === "running" || view.status === "done" ? "done" : `${view.status}: ${view.text}`;
}

test("the resource that covers exactly the hosts is changed, and no other byte", async () => {
  const on = pretendConverse({ [path]: webs });
  expect(await after("restart nginx on all web servers", on)).toBe("done");
  expect(on.files.get(path)).toBe(
    webs.replace("  rollout: { maxUnavailable: 1 }\n", "  rollout: { maxUnavailable: 1 }\n  restartedAt: 2026-11-20T10:00:00.000Z\n"),
  );
  expect([...on.files.keys()]).toEqual([path]);
});

test("the same sentence twice changes the time alone", async () => {
  const on = pretendConverse({ [path]: webs });
  await after("restart nginx on all web servers", on);
  const once = on.files.get(path)!;
  on.clock.time += 60_000;
  expect(await after("restart nginx on all web servers", on)).toBe("done");
  expect(on.files.get(path)).toBe(once.replace("10:00:00.000Z", "10:01:00.000Z"));
});

test.each([
  "stop nginx on all web servers",
  "Update PHP memory limit to 512M on all app servers",
  "install htop on all web servers",
  "Add domain shop.example.com to nginx on web-01",
])("said twice, '%s' changes nothing the second time", async (sentence) => {
  const on = pretendConverse({ [path]: webs });
  expect(await after(sentence, on)).toBe("done");
  const texts = JSON.stringify([...on.files]);
  on.clock.time += 60_000;
  expect(await after(sentence, on)).toMatch(/^answered: It is declared so already/);
  expect(JSON.stringify([...on.files])).toBe(texts);
});

test("hosts of a wider resource are split off with a copy of everything else", async () => {
  const on = pretendConverse({ [path]: webs });
  const view = await on.converse.ask("stop nginx on web-03", admin, plain);
  expect(view.text).toContain("Service/nginx covers 3 hosts: web-03 gets a resource of its own");
  expect(view.plan?.changes.map(({ id }) => id).filter((id) => id.startsWith("Service/"))).toEqual(["Service/nginx-web-03@web-03"]);
  await on.converse.confirm(view.id, admin);
  const text = on.files.get(path)!;
  expect(text).toContain("  on: tag=webserver & !name=web-03\n  unit: nginx.service\n  state: running     # always\n");
  expect(text).toContain("# from the distribution");
  expect(text.slice(text.lastIndexOf("---"))).toBe(`---
apiVersion: backend-ai/v1
kind: Service
metadata:
  name: nginx-web-03
  labels:
    team: web
  annotations:
    backend-ai/split-from: Service/nginx
    backend-ai/split-on: tag=webserver
spec:
  on: name=web-03
  unit: nginx.service
  state: stopped
  rollout:
    maxUnavailable: 1
`);
});

test("a restart of one host is given back with the next restart: resources do not multiply", async () => {
  const on = pretendConverse({ [path]: webs });
  for (const host of ["web-01", "web-02", "web-01", "web-03"]) {
    on.clock.time += 60_000;
    expect(await after(`restart nginx on ${host}`, on)).toBe("done");
    expect(on.state(host).units.get("nginx.service")?.since).toBe(on.clock.time);
  }
  expect(on.files.get(path)!.match(/^kind: Service$/gm)?.length).toBe(2);
  on.clock.time += 60_000;
  expect(await after("restart nginx on all web servers", on)).toBe("done");
  expect(on.files.get(path)).toBe(
    webs.replace(
      "  rollout: { maxUnavailable: 1 }\n",
      `  rollout: { maxUnavailable: 1 }\n  restartedAt: ${new Date(on.clock.time).toISOString()}\n`,
    ),
  );
});

test("a stop of one host is no moment: it stays apart", async () => {
  const on = pretendConverse({ [path]: webs });
  await after("stop nginx on web-03", on);
  await after("restart nginx on web-01", on);
  expect(on.files.get(path)!.match(/^ {2}on: .*$/gm)).toEqual([
    "  on: tag=webserver & !name=web-03 & !name=web-01",
    "  on: name=web-03",
    "  on: name=web-01",
  ]);
});

test("hosts beyond a resource get one of their own", async () => {
  const on = pretendConverse({ [path]: webs });
  expect(await after("restart nginx on web-*", on)).toMatch("done");
  expect(on.files.get(path)).toContain("restartedAt");
  expect(on.files.get("manifests/requests/service-nginx-web-server.yaml")).toContain("on: name=web-server");
});

test("a file with other hosts' versions of a program is set where each has it", async () => {
  const on = pretendConverse();
  expect(await after("Update PHP memory limit to 512M on all web servers", on)).toBe("done");
  expect(on.state("web-01").files.get("/etc/php/8.2/fpm/php.ini")?.values).toEqual({ "PHP.memory_limit": "512M" });
  expect(on.state("web-03").files.get("/etc/php/8.3/fpm/php.ini")?.values).toEqual({ "PHP.memory_limit": "512M" });
  const second = on.files.get([...on.files.keys()].find((one) => one.includes("php"))!);
  expect(second).toContain("reloads:\n    - php8.2-fpm.service");
});

test("a second setting of the same file goes into the same resource", async () => {
  const on = pretendConverse();
  await after("Update PHP memory limit to 512M on all app servers", on);
  expect(await after("set PHP max_execution_time to 60 on all app servers", on)).toBe("done");
  expect([...on.files.keys()]).toEqual(["manifests/requests/file-php-settings.yaml"]);
  expect(on.files.get("manifests/requests/file-php-settings.yaml")).toContain(
    '    PHP.memory_limit: 512M\n    PHP.max_execution_time: "60"\n',
  );
});

test("what stands against a wish is said", async () => {
  const whole =
    "apiVersion: backend-ai/v1\nkind: File\nmetadata: { name: php }\nspec:\n  on: tag=app\n  path: /etc/php/8.2/fpm/php.ini\n  content: |\n    [PHP]\n";
  expect(await after("Update PHP memory limit to 512M on all app servers", pretendConverse({ "manifests/php.yaml": whole }))).toMatch(
    /refused: File\/php stands against this: it writes the whole file/,
  );
  const pinned = "apiVersion: backend-ai/v1\nkind: Package\nmetadata: { name: openssl }\nspec: { on: name=web-01, version: 3.0.2 }\n";
  expect(await after("upgrade openssl on web-01", pretendConverse({ "manifests/ssl.yaml": pinned }))).toMatch(
    /refused: Package\/openssl stands against this: it is pinned/,
  );
});

test("hosts without the service are left out by name", async () => {
  const on = pretendConverse();
  const view = await on.converse.ask("restart app on servers with more than 80% cpu", admin, plain);
  expect(view.plan?.changes.map(({ host }) => host)).toEqual(["app-01"]);
  expect(view.text).toContain("web-01: it has no unit app.service");
});
