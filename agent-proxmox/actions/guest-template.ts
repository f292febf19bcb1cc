import type { ActionContext } from "../../agent/runtime/verbs.ts";
import type { ActionInput } from "../../schemas/verbs/index.ts";
import { type Around, atWork } from "../cluster/around.ts";
import { shutDown } from "./guest-power.ts";

/** Action `guest.template`: shuts the guest down and makes it a template. */
export const makeTemplate =
  (around: Around) =>
  async ({ guest }: ActionInput<"guest.template">, context: ActionContext): Promise<undefined> => {
    const work = await atWork(around, guest, context),
      vm = work.guest.type === "vm";
    if (work.guest.template === true) return undefined;
    const { status } = (await work.get("/status/current")) as { status: string };
    if (status === "running") await shutDown(work, false, 180_000);
    await work.send("POST", "/template", {}, { what: "make a template of", types: vm ? ["qmtemplate"] : [], part: "template" });
    return undefined;
  };
