import type { ActionContext } from "../../agent/runtime/verbs.ts";
import type { ActionInput } from "../../schemas/verbs/index.ts";
import { type Around, atWork } from "../cluster/around.ts";
import { sidOf, underHa, until } from "../cluster/ha.ts";
import { mustResolve } from "../cluster/resolve.ts";

/** Looks, one a second, after which HA is asked again. */
const looksPerAsk = 5;

/** Action `guest.migrate`: live for a VM that runs, with a restart for a container, through HA where HA holds the guest, whose answer comes before the arrival. */
export const migrateGuest =
  (around: Around) =>
  async ({ guest, node, online, localDisks, storage }: ActionInput<"guest.migrate">, context: ActionContext): Promise<undefined> => {
    const work = await atWork(around, guest, context),
      vm = work.guest.type === "vm";
    if (work.guest.node === node) return undefined;
    const runs = ((await work.get("/status/current")) as { status: string }).status === "running";
    if (await underHa(around.client, work.guest, context.signal)) {
      const ask = (): Promise<unknown> =>
        around.client.request("POST", `/cluster/ha/resources/${sidOf(work.guest)}/migrate`, { node }, { signal: context.signal });
      await ask();
      context.progress(`HA is asked to move it to ${node}`);
      let looks = 0;
      await until(async () => {
        const there = await mustResolve({ ...guest, id: work.guest.id }, around.client, around.known, context.signal);
        if (there.node === node) return true;
        // HA takes the request and forgets it where it is busy with the guest; asked while it moves it, it does nothing more.
        looks += 1;
        if (looks % looksPerAsk === 0) await ask();
        return false;
      }, context.signal);
      return undefined;
    }
    const params = vm
      ? {
          target: node,
          ...(runs ? { online: online !== false } : {}),
          ...(localDisks === true ? { "with-local-disks": true } : {}),
          ...(storage === undefined ? {} : { targetstorage: storage }),
        }
      : { target: node, ...(runs ? { restart: true } : {}), ...(storage === undefined ? {} : { "target-storage": storage }) };
    await work.send("POST", "/migrate", params, {
      what: `move to ${node}`,
      types: [vm ? "qmigrate" : "vzmigrate"],
      part: `migrate ${node}`,
    });
    return undefined;
  };
