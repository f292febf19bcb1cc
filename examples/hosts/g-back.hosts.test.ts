import { afterAll, beforeAll, expect, test } from "vitest";
import type { FileEdit, ImportView, UndoView } from "../../schemas/api.ts";
import { everythingRuns, manifest, resource } from "./resources.ts";
import { type Stage, startStage, until } from "./stage.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await startStage({ hosts: 2 });
  await stage.commit({ "manifests/policy.yaml": everythingRuns });
  await stage.untilInSync();
});
afterAll(() => stage?.close());

const has = async (host: Stage["hosts"][number], path: string): Promise<boolean> =>
  (await host.exec("test", "-e", path, { reject: false })).code === 0;
const commitEdits = async (edits: readonly FileEdit[]): Promise<string> =>
  (await stage.api<{ commit: string }>("POST", "/api/v1/commits", { edits, message: "by the API" })).commit;

test("a run is undone by manifests that bring back what was", async () => {
  const [h1] = stage.hosts;
  const things = (word: string, state: string) =>
    manifest(
      resource("File", "app", { on: "*", path: "/etc/app.conf", content: `${word}\n`, mode: "0640" }),
      resource("Service", "nginx", { on: "*", state }),
      resource("Package", "tree", { on: "*" }),
    );
  await stage.commit({
    "manifests/things.yaml": manifest(
      resource("File", "app", { on: "*", path: "/etc/app.conf", content: "old\n", mode: "0640" }),
      resource("Service", "nginx", { on: "*", state: "running" }),
      resource("Package", "tree", { on: "*", state: "absent" }),
    ),
  });
  await stage.untilInSync();
  await stage.commit({ "manifests/things.yaml": things("new", "stopped") });
  await stage.untilInSync();
  expect((await h1!.exec("systemctl", "is-active", "nginx", { reject: false })).stdout).toBe("inactive\n");
  const undo = await stage.api<UndoView>("POST", "/api/v1/undo", {});
  expect(undo.problems).toEqual([]);
  expect(undo.left).toEqual([]);
  expect(undo.plan?.changes.map(({ act, resource: of }) => `${act} ${of}`).sort()).toEqual([
    "delete Package/tree",
    "delete Package/tree",
    "start Service/nginx",
    "start Service/nginx",
    "update File/app",
    "update File/app",
  ]);
  await stage.untilInSync(await commitEdits(undo.edits));
  for (const host of stage.hosts) {
    expect((await host.exec("cat", "/etc/app.conf")).stdout).toBe("old\n");
    expect((await host.exec("systemctl", "is-active", "nginx")).stdout).toBe("active\n");
    expect((await host.exec("dpkg-query", "-Wf", "${db:Status-Status}", "tree", { reject: false })).stdout).not.toBe("installed");
  }
  await stage.commit({ "manifests/things.yaml": null });
  await stage.untilInSync();
});

test("what is imported needs no change", async () => {
  const runs = await stage.runs();
  const view = await stage.api<ImportView>("POST", "/api/v1/imports", {
    on: "*",
    services: ["nginx", "ssh"],
    files: ["/etc/nginx/nginx.conf", "/etc/hosts", "/etc/hostname"],
    packages: ["nginx", "curl"],
  });
  expect(view.problems).toEqual([]);
  expect(view.resources).toEqual(expect.arrayContaining(["Service/nginx", "File/etc-nginx-nginx-conf", "Package/curl"]));
  await stage.untilInSync(await commitEdits(view.edits));
  expect(await stage.plan()).toMatchObject({ changes: [], blocked: [], unknown: [] });
  expect(await stage.runs()).toEqual(runs);
  await stage.commit(Object.fromEntries(view.edits.map(({ path }) => [path, null])));
  await stage.untilInSync();
});

test("state: absent removes a file, stops a unit and removes a package", async () => {
  const [h1] = stage.hosts;
  await h1!.exec("sh", "-c", "echo mine >/etc/by-hand");
  await h1!.exec("apt-get", "install", "-qy", "tree");
  await stage.commit({
    "manifests/gone.yaml": manifest(
      resource("File", "gone", { on: "name=h1", path: "/etc/by-hand", state: "absent" }),
      resource("Service", "nginx", { on: "name=h1", state: "absent" }),
      resource("Package", "tree", { on: "name=h1", state: "absent" }),
    ),
  });
  await stage.untilInSync();
  expect(await has(h1!, "/etc/by-hand")).toBe(false);
  expect((await h1!.exec("systemctl", "is-active", "nginx", { reject: false })).stdout).toBe("inactive\n");
  expect((await h1!.exec("systemctl", "is-enabled", "nginx", { reject: false })).stdout).toBe("disabled\n");
  expect(await has(h1!, "/usr/bin/tree")).toBe(false);
  await stage.commit({ "manifests/gone.yaml": null });
  await stage.untilInSync();
});

test("what leaves git stays where no policy prunes; with one, what we made goes and what was there before stays", async () => {
  const [h1] = stage.hosts,
    paths = ["/etc/ours.conf", "/etc/theirs.conf"] as const;
  await h1!.exec("sh", "-c", `echo theirs >${paths[1]}`);
  const files = manifest(...paths.map((path) => resource("File", path.slice(5, -5), { on: "name=h1", path, content: "managed\n" })));
  await stage.commit({ "manifests/files.yaml": files });
  await stage.untilInSync();
  await stage.commit({ "manifests/files.yaml": null });
  await stage.untilInSync();
  const orphans = await until("orphans", async () => {
    const { orphaned } = await stage.plan();
    return orphaned.some(({ id }) => id === "File/ours@h1") ? orphaned : undefined;
  });
  expect(orphans.find(({ id }) => id === "File/ours@h1")?.reason).toContain("no policy with prune: true");
  expect(await has(h1!, paths[0])).toBe(true);
  await stage.commit({ "manifests/prune.yaml": resource("Policy", "prune", { on: "*", kinds: ["File"], prune: true }) });
  await until("the removal", async () => ((await has(h1!, paths[0])) ? undefined : true));
  await stage.untilInSync();
  expect((await h1!.exec("cat", paths[1])).stdout).toBe("managed\n");
});
