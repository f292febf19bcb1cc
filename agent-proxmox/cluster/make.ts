import type { ActionContext } from "../../agent/runtime/verbs.ts";
import { ProblemError } from "../../schemas/problem.ts";
import type { GuestRef } from "../../schemas/verbs/proxmox/guest.ts";
import type { Params } from "../pve/form.ts";
import { guestPath, type PlacedGuest } from "../pve/rows.ts";
import { readDescription } from "../pve/guest-config.ts";
import { type Around, impossible, needsOf } from "./around.ts";
import { change } from "./change.ts";
import { readGuests, resolveGuest } from "./resolve.ts";

/** How a new guest is made once it has a number. */
export interface Making {
  readonly node: string;
  readonly path: string;
  readonly params: (id: number) => Params;
  readonly types: readonly string[];
  readonly what: string;
  /** The node where its task runs; `node` where not given. */
  readonly at?: string | undefined;
  /** Guest whose number the task carries in place of the new one (clones). */
  readonly taskGuest?: number | undefined;
}

const attempts = 10;

/**
 * Makes a guest: remembers its number as ours before anything is sent, and takes another where somebody else was quicker. After a crash the number that
 * was remembered is used again, so that the task is found and nothing is made twice.
 */
export async function makeGuest(ref: GuestRef, making: Making, around: Around, context: ActionContext): Promise<number> {
  const { journal, client, spoken } = around;
  for (let attempt = 0; ; attempt += 1) {
    const remembered = journal.madeFor(ref.resource),
      begun = remembered !== undefined && journal.find(context.step, partOf(remembered)) !== undefined;
    if (!begun) {
      const there = resolveGuest(ref, await readGuests(client, context.signal), around.known);
      if (there.is === "found") {
        if (journal.find(context.step, begunBy)?.guest === there.guest.id && (await isOurs(there.guest, ref, around, context)))
          return there.guest.id;
        throw impossible(`Unable to make ${ref.resource}: it exists by now`);
      }
    }
    const id = begun ? remembered : (ref.id ?? (await freeId(around, context)));
    spoken.add(id);
    try {
      await journal.made(ref.resource, id);
      await journal.note({ step: context.step, part: begunBy, node: making.node, types: [], guest: id, at: around.now() });
      const request = {
        method: "POST" as const,
        path: making.path,
        params: making.params(id),
        node: making.at ?? making.node,
        guest: making.taskGuest ?? id,
        types: making.types,
        part: partOf(id),
      };
      await change({ ...request, what: `${making.what} ${ref.name} (${id})` }, needsOf(around, context));
      return id;
    } catch (failure) {
      if (!isTaken(failure)) {
        // Nothing came of it: whoever is given the number later is not ours.
        if (isRefused(failure) && !(await isListed(id, around, context))) await journal.unmade(id);
        throw failure;
      }
      await journal.unmade(id);
      await journal.forget(context.step, partOf(id));
      if (ref.id !== undefined || attempt >= attempts) throw failure;
      context.progress(`number ${id} was taken meanwhile; trying another`);
    } finally {
      spoken.delete(id);
    }
  }
}

const partOf = (id: number): string => `make ${id}`;

/** Names the note that a step began to make a guest: after a crash it is the step's own, made already, where it carries our marker. */
const begunBy = "make";

async function isOurs(guest: PlacedGuest, ref: GuestRef, { client }: Around, { signal }: ActionContext): Promise<boolean> {
  const { description = "" } = (await client.request("GET", `${guestPath(guest)}/config`, {}, { signal })) as { description?: string };
  return readDescription(description, guest.id).owner === ref.resource;
}

/** Proxmox VE said that it did not make it. */
const isRefused = (failure: unknown): boolean =>
  failure instanceof ProblemError && failure.problems.every(({ code }) => code !== "pve/answer-lost" && code !== "pve/task-unknown");

const isListed = async (id: number, { client }: Around, { signal }: ActionContext): Promise<boolean> =>
  (await readGuests(client, signal).catch(() => undefined))?.some((guest) => guest.id === id) ?? true;

const isTaken = (failure: unknown): boolean =>
  failure instanceof ProblemError &&
  failure.problems.some(({ code, summary }) => code === "pve/exists" || /already (exists|used)|config file already exists/i.test(summary));

/** The next number that neither the cluster nor another step of ours has. */
async function freeId({ client, spoken }: Around, { signal }: ActionContext): Promise<number> {
  const first = Number(await client.request("GET", "/cluster/nextid", {}, { signal }));
  const used = new Set((await readGuests(client, signal)).map(({ id }) => id));
  for (let id = first; ; id += 1) if (!spoken.has(id) && !used.has(id)) return id;
}
