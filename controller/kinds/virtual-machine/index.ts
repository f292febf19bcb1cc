import { defineGuestKind } from "../guest/kind.ts";
import { checkVirtualMachine } from "./check.ts";
import { describeVirtualMachine, wantedOfVirtualMachine } from "./config.ts";
import { VirtualMachineSpec } from "./spec.ts";

/** A virtual machine of a Proxmox cluster. */
export const virtualMachine = defineGuestKind({
  kind: "VirtualMachine",
  type: "vm",
  summary: "A virtual machine of a Proxmox cluster: where it is, what it is made of, whether it runs",
  spec: VirtualMachineSpec,
  needsSource: (spec) => spec.source === undefined && spec.disks === undefined,
  wanted: wantedOfVirtualMachine,
  describe: describeVirtualMachine,
  check: checkVirtualMachine,
});
