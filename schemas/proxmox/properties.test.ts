import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as text from "./properties.ts";

describe("property strings", () => {
  test("as a real cluster wrote them", () => {
    expect(text.parseProperties("name=eth0,bridge=vmbr0,gw=10.77.0.1,hwaddr=BC:24:11:C1:C8:F3,ip=10.77.0.101/24,type=veth")).toEqual({
      name: "eth0",
      bridge: "vmbr0",
      gw: "10.77.0.1",
      hwaddr: "BC:24:11:C1:C8:F3",
      ip: "10.77.0.101/24",
      type: "veth",
    });
    expect(text.parseDisk("btr:101/vm-101-disk-1.raw,mp=/srv/data,backup=1,size=1G")).toEqual({
      volume: "btr:101/vm-101-disk-1.raw",
      mp: "/srv/data",
      backup: "1",
      size: "1G",
    });
    expect(text.parseDisk("file=local:iso/a.iso,media=cdrom")).toEqual({ volume: "local:iso/a.iso", media: "cdrom" });
    expect(text.parseProperties("1", "enabled")).toEqual({ enabled: "1" });
    expect(text.parseProperties("order=3,up=5")).toEqual({ order: "3", up: "5" });
  });

  test("a network card reads alike in each of its spellings", () => {
    const card = { model: "virtio", macaddr: "BC:24:11:D5:5F:7B", bridge: "vmbr0" };
    expect(text.parseVmNetwork("virtio=BC:24:11:D5:5F:7B,bridge=vmbr0")).toEqual(card);
    expect(text.parseVmNetwork("model=virtio,macaddr=BC:24:11:D5:5F:7B,bridge=vmbr0")).toEqual(card);
    expect(text.parseVmNetwork("virtio,bridge=vmbr0")).toEqual({ model: "virtio", bridge: "vmbr0" });
    expect(text.printVmNetwork(card)).toBe("virtio=BC:24:11:D5:5F:7B,bridge=vmbr0");
    expect(text.printVmNetwork({ model: "e1000", bridge: "vmbr1" })).toBe("e1000,bridge=vmbr1");
  });

  test("sizes", () => {
    expect(["8G", "528K", "1.5T", "4096", "none", undefined].map(text.parseSize)).toEqual([
      8 * 1024 ** 3,
      528 * 1024,
      1.5 * 1024 ** 4,
      4096,
      undefined,
      undefined,
    ]);
    expect([8 * 1024 ** 3, 528 * 1024, 1.5 * 1024 ** 4, 1000].map(text.printSize)).toEqual(["8G", "528K", "1536G", "1000"]);
  });

  test("tags are lower case, sorted and told once, whatever stands between them", () => {
    expect(text.parseTags("Web;prod,alpha web")).toEqual(["alpha", "prod", "web"]);
    expect(text.printTags(["b", "A", "b"])).toBe("a;b");
  });

  test("a value that would break the string is refused", () => {
    expect(() => text.printProperties({ mp: "/srv,size=1T" })).toThrow(/no place/);
  });

  test("parse and print are inverse", () => {
    const word = fc.stringMatching(/^[A-Za-z0-9:./_-]{1,20}$/);
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9_]{0,10}$/), word, { minKeys: 1, noNullPrototype: true }), (properties) => {
        expect(text.parseProperties(text.printProperties(properties))).toEqual(properties);
        const [first] = Object.keys(properties);
        expect(text.parseProperties(text.printProperties(properties, first), first)).toEqual(properties);
      }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 50 }), (bytes) => {
        expect(text.parseSize(text.printSize(bytes))).toBe(bytes);
      }),
    );
  });
});
