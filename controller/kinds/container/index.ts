import { defineGuestKind } from "../guest/kind.ts";
import { checkContainer } from "./check.ts";
import { describeContainer, wantedOfContainer } from "./config.ts";
import { ContainerSpec } from "./spec.ts";

/** An LXC container of a Proxmox cluster. */
export const container = defineGuestKind({
  kind: "Container",
  type: "container",
  summary: "An LXC container of a Proxmox cluster: where it is, what it is made of, whether it runs",
  spec: ContainerSpec,
  needsSource: (spec) => spec.source === undefined,
  wanted: wantedOfContainer,
  describe: describeContainer,
  check: checkContainer,
});
