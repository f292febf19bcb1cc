import type { ActionContext } from "../../agent/runtime/verbs.ts";
import type { ActionInput } from "../../schemas/verbs/index.ts";
import { type Around } from "../cluster/around.ts";
import { makeGuest } from "../cluster/make.ts";
import { markedDescription, printValue } from "../pve/guest-config.ts";
import type { Params } from "../pve/form.ts";

/** Action `guest.create`: a guest from a container template, an image or nothing, with our marker from the first moment on. */
export const createGuest =
  (around: Around) =>
  async ({ guest, node, config, pool, template }: ActionInput<"guest.create">, context: ActionContext): Promise<string> => {
    const { description, ...values } = config;
    const params: Record<string, string> = {
      [guest.type === "vm" ? "name" : "hostname"]: guest.name,
      ...Object.fromEntries(Object.entries(values).map(([key, value]) => [key, printValue(guest.type, key, plain(value))])),
      ...(pool === undefined ? {} : { pool }),
      ...(template === undefined ? {} : { ostemplate: template }),
    };
    const storage = storageOf(values["rootfs"]);
    const id = await makeGuest(
      guest,
      {
        node,
        path: `/nodes/${node}/${guest.type === "vm" ? "qemu" : "lxc"}`,
        params: (vmid): Params => ({
          ...params,
          vmid,
          description: markedDescription(typeof description === "string" ? description : "", guest.resource, vmid),
          ...(storage === undefined ? {} : { storage }),
        }),
        types: [guest.type === "vm" ? "qmcreate" : "vzcreate"],
        what: guest.type === "vm" ? "create VM" : "create container",
      },
      around,
      context,
    );
    return `${guest.type} ${id} on ${node}`;
  };

/** By now the hub has put every secret in. Throws TypeError where it has not. */
function plain(value: unknown): string | Readonly<Record<string, string>> {
  if (typeof value === "object" && value !== null && "secretRef" in value) throw new TypeError("a secret was not put in");
  return value as string | Record<string, string>;
}

const storageOf = (rootfs: unknown): string | undefined =>
  typeof rootfs === "object" && rootfs !== null ? /^([^:]+):/.exec((rootfs as { volume?: string }).volume ?? "")?.[1] : undefined;
