import type { ActionContext } from "../../agent/runtime/verbs.ts";
import { ProblemError } from "../../schemas/problem.ts";
import type { ActionInput } from "../../schemas/verbs/index.ts";
import { type Around, atWork, impossible, shown } from "../cluster/around.ts";
import { sidOf } from "../cluster/ha.ts";
import { shutDown } from "./guest-power.ts";

/** Action `guest.delete`: number and name have to be those of the approval; taken out of HA and shut down first. */
export const deleteGuest =
  (around: Around) =>
  async ({ guest, id, name, purge }: ActionInput<"guest.delete">, context: ActionContext): Promise<undefined> => {
    const begun = around.journal.find(context.step, "remove") !== undefined;
    const work = await atWork(around, { ...guest, id }, context).catch((failure: unknown) => {
      if (begun && isMissing(failure)) return undefined;
      throw failure;
    });
    if (work === undefined) {
      // Removed by what this step sent before the agent ended.
      await around.journal.forget(context.step, "remove");
      await around.journal.unmade(id);
      return undefined;
    }
    const { client } = around,
      { signal } = context;
    // Lists tell a new name late; the configuration has it at once.
    const config = (await work.get("/config")) as { name?: string; hostname?: string },
      now = { ...work.guest, name: config.name ?? config.hostname ?? work.guest.name };
    if (now.name !== name)
      throw impossible(
        `Unable to remove ${shown(now)}: its name is not ${name}`,
        "Somebody renamed it, or its number was given to another guest. Plan anew.",
      );
    const ha = (await client.request("GET", "/cluster/ha/resources", {}, { signal })) as { sid: string }[];
    if (ha.some(({ sid }) => sid === sidOf(work.guest)))
      await client.request("DELETE", `/cluster/ha/resources/${sidOf(work.guest)}`, {}, { signal });
    const { status } = (await work.get("/status/current")) as { status: string };
    if (status === "running") await shutDown(work, true, 120_000);
    await work.send(
      "DELETE",
      "",
      { ...(purge === true ? { purge: true } : {}), "destroy-unreferenced-disks": false },
      { what: "remove", types: [work.guest.type === "vm" ? "qmdestroy" : "vzdestroy"], part: "remove" },
    );
    await around.journal.unmade(id);
    return undefined;
  };

const isMissing = (failure: unknown): boolean => failure instanceof ProblemError && failure.problems[0]?.code === "guest/missing";
