import { describe, expect, test } from "vitest";
import { loadManifests } from "../../core/manifests.ts";
import { container } from "../container/index.ts";
import type { CheckContext, InstanceKind } from "../define.ts";
import { kinds } from "../index.ts";
import { virtualMachine } from "../virtual-machine/index.ts";

const nothing: CheckContext = { file: () => undefined, fileExists: () => false, nearestFile: () => undefined, secretExists: () => true };

/** What a kind finds in a spec that its schema allows: the field and the code. */
function found(kind: InstanceKind, spec: Readonly<Record<string, unknown>>): string[] {
  if (!kind.validate(spec)) throw new Error(JSON.stringify(kind.validate.errors));
  return kind.check(kind.complete(spec, "web"), nothing).map(({ path, code }) => `${path}: ${code.replace("manifest/", "")}`);
}

describe("contradictions of a guest", () => {
  test.each([
    [{ node: "pve1", placement: { anyOf: ["pve2"] } }, "node: contradiction"],
    [{ power: "stopped", restartedAt: "2026-11-20T10:00:00Z" }, "restartedAt: contradiction"],
    [{ power: "running", template: true }, "power: contradiction"],
    [{ power: "running", ha: { state: "stopped" } }, "power: contradiction"],
    [{ power: "stopped", ha: { state: "started" } }, "power: contradiction"],
    [{ rollback: { to: "old", at: "2026-11-20T10:00:00Z" }, snapshots: { old: null } }, "rollback.to: contradiction"],
    [{ source: { clone: "VirtualMachine/golden" } }, "source.clone: contradiction"],
    [{ source: { clone: 900, full: false, storage: "shared" } }, "source.storage: contradiction"],
    [{ description: "ours\nbackend-ai: Container/other" }, "description: reserved"],
    [{ mounts: { mp0: { bind: "/srv", size: "1GiB" } } }, "mounts.mp0.bind: contradiction"],
  ])("%j", (spec, expected) => {
    expect(found(container, spec)).toEqual([expected]);
  });

  test.each([
    [{ disks: { ide2: { iso: "local:iso/a.iso", cloudInit: true } } }, "disks.ide2.cloudInit: contradiction"],
    [{ disks: { ide2: { iso: "local:iso/a.iso", size: "1GiB" } } }, "disks.ide2.iso: contradiction"],
    [{ disks: { ide2: { cloudInit: true, storage: "shared", size: "1GiB" } } }, "disks.ide2.size: contradiction"],
    [{ source: { clone: "Container/golden" } }, "source.clone: contradiction"],
  ])("%j", (spec, expected) => {
    expect(found(virtualMachine, spec)).toEqual([expected]);
  });

  test.each([
    [container, { power: "stopped", ha: { state: "ignored" } }],
    [container, { source: { clone: "Container/golden", full: true, storage: "shared" }, node: "pve1", placement: { anyOf: ["pve1"] } }],
    [virtualMachine, { disks: { ide2: { iso: "none" }, scsi0: { storage: "shared", image: "shared:import/a.qcow2", size: "8GiB" } } }],
  ])("none in %# where things fit together", (kind, spec) => {
    expect(found(kind, spec)).toEqual([]);
  });
});

test("a wrong word, also of a field that may be null, is told with the right ones", () => {
  const text =
    "apiVersion: backend-ai/v1\nkind: VirtualMachine\nmetadata: { name: web }\nspec:\n  bios: uefi\n  disks: { scsi0: { cache: writebak } }\n";
  const { problems } = loadManifests([{ path: "manifests/web.yaml", blob: "1", size: text.length, text }], kinds, nothing);
  expect(problems.map(({ summary, hint, where }) => [where?.line, summary, hint])).toEqual([
    [5, 'bios has to be seabios or ovmf, not "uefi"', undefined],
    [6, 'cache has to be none, writethrough, writeback, unsafe or directsync, not "writebak"', "Did you mean writeback?"],
  ]);
});

describe("a guest of the manifests", () => {
  test("has its name and its number alone in its cluster", () => {
    expect(container.claims(container.complete({ id: 118 }, "web"))).toEqual(["guest-name:container/web", "guest:118"]);
    expect(virtualMachine.claims(virtualMachine.complete({ name: "db.example" }, "web"))).toEqual(["guest-name:vm/db.example"]);
  });

  test("comes after the resource that it is cloned from, and is asked about together with it", () => {
    const spec = container.complete({ source: { clone: "Container/golden" } }, "web");
    expect(container.references(spec)).toEqual([{ id: "Container/golden", path: "source.clone", order: "before" }]);
    const linked = container.link(spec, (id) => (id === "Container/golden" ? container.complete({ id: 900 }, "golden") : undefined));
    expect(linked["source"]).toEqual({ clone: { resource: "Container/golden", type: "container", id: 900, name: "golden" } });
  });

  test("is never removed because its manifest is gone", () => {
    expect(container.prune({ claim: "guest:118" } as never).steps).toEqual([]);
  });
});
