import { describe, expect, test } from "vitest";
import { markedDescription, printValue, readConfig, readDescription, readPending, readValue } from "./guest-config.ts";

describe("a guest's configuration", () => {
  test("a container's, as a real cluster told it", () => {
    const raw = {
      description: "first container\n",
      swap: 0,
      digest: "f6b44bb6aa2442375039e6ac79c3b3523fae93d1",
      net0: "name=eth0,bridge=vmbr0,gw=10.77.0.1,hwaddr=BC:24:11:C1:C8:F3,ip=10.77.0.101/24,type=veth",
      memory: 256,
      tags: "alpha;prod;web",
      unprivileged: 1,
      startup: "order=3,up=5",
      features: "nesting=1",
      rootfs: "btr:101/vm-101-disk-0.raw,size=1G",
    };
    expect(readConfig("container", raw)).toEqual({
      swap: "0",
      net0: { name: "eth0", bridge: "vmbr0", gw: "10.77.0.1", hwaddr: "BC:24:11:C1:C8:F3", ip: "10.77.0.101/24" },
      memory: "256",
      tags: "alpha;prod;web",
      unprivileged: "1",
      startup: { order: "3", up: "5" },
      features: { nesting: "1" },
      rootfs: { volume: "btr:101/vm-101-disk-0.raw", size: "1G" },
    });
  });

  test("what runs and what the next start has come from one answer", () => {
    const found = readPending("vm", [
      { key: "cores", value: 1, pending: 2 },
      { key: "memory", value: "320", pending: "448" },
      { key: "net1", value: "virtio=BC:24:11:E5:9D:31,bridge=vmbr0", delete: 1 },
      { key: "scsi1", pending: "local:1" },
      { key: "digest", value: "e9bc" },
      { key: "description", value: "data base" },
      { key: "agent", value: "1" },
    ]);
    expect(found.config).toEqual({
      cores: "1",
      memory: "320",
      net1: { model: "virtio", macaddr: "BC:24:11:E5:9D:31", bridge: "vmbr0" },
      agent: { enabled: "1" },
    });
    expect(found.next).toEqual({ cores: "2", memory: "448", scsi1: { volume: "local:1" }, agent: { enabled: "1" } });
    expect(found).toMatchObject({ digest: "e9bc", description: "data base", parent: undefined });
  });

  test("keys of cloud-init are told and set as text, which the API has url-encoded", () => {
    expect(readValue("vm", "sshkeys", "ssh-ed25519%20AAAA%2Bb%20admin%40example%0A")).toBe("ssh-ed25519 AAAA+b admin@example");
    expect(printValue("vm", "sshkeys", "ssh-ed25519 AAAA+b admin@example")).toBe("ssh-ed25519%20AAAA%2Bb%20admin%40example%0A");
  });

  test("memory of newer versions is a property string", () => {
    expect(readValue("vm", "memory", "current=2048")).toBe("2048");
    expect(readValue("vm", "memory", 2048)).toBe("2048");
  });

  test("our marker stands apart from what people wrote", () => {
    const text = markedDescription("the shop\n", "Container/web-1", 118);
    expect(text).toBe("the shop\n\nbackend-ai: Container/web-1 118");
    expect(readDescription(`${text}\n`, 118)).toEqual({ owner: "Container/web-1", description: "the shop" });
    expect(readDescription(markedDescription("", "Container/web-1", 118), 118)).toEqual({ owner: "Container/web-1", description: "" });
    expect(readDescription(`${text}\n`, 119)).toEqual({ owner: undefined, description: "the shop" });
    expect(readDescription("by hand\n", 118)).toEqual({ owner: undefined, description: "by hand" });
  });
});
