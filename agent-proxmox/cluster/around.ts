import type { ActionContext } from "../../agent/runtime/verbs.ts";
import { error, ProblemError } from "../../schemas/problem.ts";
import type { GuestRef } from "../../schemas/verbs/proxmox/guest.ts";
import type { Params } from "../pve/form.ts";
import type { PveClient } from "../pve/client.ts";
import { guestPath, type PlacedGuest } from "../pve/rows.ts";
import type { TaskEnd } from "../pve/task.ts";
import { change, type ChangeRequest } from "./change.ts";
import type { Journal } from "./journal.ts";
import { type KnownGuests, mustResolve } from "./resolve.ts";

/** What verbs of a cluster work with. */
export interface Around {
  readonly client: PveClient;
  readonly journal: Journal;
  readonly known: KnownGuests;
  readonly now: () => number;
  /** Numbers that are being given to new guests at this moment: `nextid` looks and does not reserve. */
  readonly spoken: Set<number>;
}

/** What one action does to one guest, wherever it is at that moment. */
export interface AtWork {
  readonly guest: PlacedGuest;
  /** Below the guest's path. Waits for the task where `types` names those it begins. */
  send(
    method: ChangeRequest["method"],
    below: string,
    params: Params,
    of: { readonly what: string; readonly types?: readonly string[]; readonly part?: string; readonly done?: () => Promise<void> },
  ): Promise<TaskEnd | undefined>;
  get(below: string, params?: Params): Promise<unknown>;
}

/** Finds the guest and gives the means to change it. Throws ProblemError where it is missing or locked for long. */
export async function atWork(around: Around, ref: GuestRef, context: ActionContext): Promise<AtWork> {
  const guest = await mustResolve(ref, around.client, around.known, context.signal);
  return {
    guest,
    send: (method, below, params, { what, types = [], part = below, done }) =>
      change(
        {
          method,
          path: `${guestPath(guest)}${below}`,
          params,
          node: guest.node,
          guest: guest.id,
          types,
          part,
          what: `${what} ${shown(guest)}`,
          done,
        },
        needsOf(around, context),
      ),
    get: (below, params = {}) => around.client.request("GET", `${guestPath(guest)}${below}`, params, { signal: context.signal }),
  };
}

export const needsOf = ({ client, journal, now }: Around, { step, signal, progress }: ActionContext) => ({
  client,
  journal,
  step,
  signal,
  progress,
  now,
});

/** Such as `container web-1 (118)`. */
export const shown = ({ type, name, id }: Pick<PlacedGuest, "type" | "name" | "id">): string =>
  `${type === "vm" ? "VM" : "container"} ${name} (${id})`;

export const impossible = (summary: string, hint?: string): ProblemError =>
  new ProblemError(error("guest/impossible", summary, hint === undefined ? {} : { hint }));
