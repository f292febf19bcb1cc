import type { ActionContext } from "../../agent/runtime/verbs.ts";
import type { ActionInput } from "../../schemas/verbs/index.ts";
import { ProblemError } from "../../schemas/problem.ts";
import { isDiskKey } from "../../schemas/proxmox/properties.ts";
import { type Around, type AtWork, atWork } from "../cluster/around.ts";
import { markedDescription, type PendingLine, printValue, readDescription, readPending } from "../pve/guest-config.ts";

type Value = string | Readonly<Record<string, string>>;

/** Action `guest.set`: values, parts of property strings and removals in one request, under the digest that was read. Disks of VMs are changed by the request that has a task. */
export const setGuest =
  (around: Around) =>
  async (input: ActionInput<"guest.set">, context: ActionContext): Promise<undefined> => {
    const work = await atWork(around, input.guest, context);
    for (let attempt = 1; ; attempt += 1)
      try {
        return await setNow(work, input);
      } catch (failure) {
        // Somebody else changed it between our reading and our writing: what they set is read, and ours is set beside it.
        if (!(failure instanceof ProblemError) || failure.problems[0]?.code !== "pve/changed" || attempt >= attempts) throw failure;
        context.progress("somebody else changed it meanwhile; reading it again");
      }
  };

const attempts = 3;

async function setNow(work: AtWork, { set = {}, merge = {}, remove = [] }: ActionInput<"guest.set">): Promise<undefined> {
  const { type } = work.guest;
  const { next, digest, description } = readPending(type, (await work.get("/pending")) as PendingLine[]);
  const values: Record<string, Value> = {};
  for (const [key, value] of Object.entries(set)) values[key] = value as Value;
  for (const [key, parts] of Object.entries(merge)) {
    const before = values[key] ?? next[key];
    const merged = { ...(typeof before === "object" ? before : before === undefined ? {} : { volume: before }), ...parts };
    // An empty part of ours has to go; what others left empty is theirs.
    values[key] = Object.fromEntries(Object.entries(merged).filter(([part, text]) => text !== "" || parts[part] === undefined));
  }
  const gone = new Set(remove);
  const params: Record<string, string> = {};
  for (const [key, value] of Object.entries(values)) {
    if (key === "description")
      params[key] = markedDescription(String(value), readDescription(description, work.guest.id).owner, work.guest.id);
    else if (value === "" || (typeof value === "object" && Object.keys(value).length === 0)) gone.add(key);
    else params[key] = printValue(type, key, value);
  }
  for (const key of gone) if (next[key] === undefined && key !== "description") gone.delete(key);
  if (Object.keys(params).length === 0 && gone.size === 0) return undefined;
  await send(work, {
    ...params,
    ...(gone.size === 0 ? {} : { delete: [...gone].join(",") }),
    ...(digest === undefined ? {} : { digest }),
  });
  return undefined;
}

/** `PUT` waits for a VM's disks until the API gives up; `POST` makes a task of it. Containers know `PUT` alone. */
function send(work: AtWork, params: Readonly<Record<string, string>>): Promise<unknown> {
  const disks = Object.keys(params).some(isDiskKey) || (params["delete"] ?? "").split(",").some(isDiskKey);
  const how = { what: "change", part: "change" };
  return work.guest.type === "vm" && disks
    ? work.send("POST", "/config", params, { ...how, types: ["qmconfig"] })
    : work.send("PUT", "/config", params, how);
}
