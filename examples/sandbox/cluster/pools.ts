import { type Call, endpoint, type Endpoints, listIn, textIn, yesIn } from "./endpoint.ts";
import { flag, formatted, must, oneOf, text } from "./parameters.ts";
import { may, need, requireAny } from "./permissions.ts";
import { failed } from "./refused.ts";
import { guestLine, storageLine } from "./resources.ts";
import type { Pool } from "./state.ts";

function poolOf(call: Call): Pool {
  const id = textIn(call, "poolid")!,
    pool = call.state.pools.get(id);
  if (pool === undefined) throw failed(`no such pool '${id}'`);
  return pool;
}

/** A pool with its guests and storages. */
function withMembers(call: Call): Record<string, unknown> {
  const { state } = call,
    pool = poolOf(call);
  const guests = [...pool.guests].flatMap((id) => state.guests.get(id) ?? []).map((guest) => guestLine(state, guest, false));
  const storages = [...pool.storages].flatMap((id) => {
    const storage = state.storages.get(id);
    return storage === undefined ? [] : [storageLine(state, storage, call.via)];
  });
  const type = textIn(call, "type");
  const members = [...guests, ...storages].filter((line) => type === undefined || line["type"] === type);
  return { poolid: pool.id, ...(pool.comment === undefined ? {} : { comment: pool.comment }), members };
}

function list(call: Call): object[] {
  const { state, who } = call;
  if (textIn(call, "poolid") !== undefined) return [withMembers(call)];
  return [...state.pools.values()]
    .filter(({ id }) => may(state, who, `/pool/${id}`, "Pool.Audit"))
    .map(({ id, comment }) => ({ poolid: id, ...(comment === undefined ? {} : { comment }) }));
}

/** Adds guests and storages, or takes them out with `delete`; a guest is in one pool only. */
function change(call: Call): undefined {
  const { state } = call,
    pool = poolOf(call),
    remove = yesIn(call, "delete"),
    comment = textIn(call, "comment");
  if (comment !== undefined) pool.comment = comment;
  for (const id of listIn(call, "vms").map(Number)) {
    requireAny(state, call.who, `/vms/${id}`, "VM.Allocate");
    const other = [...state.pools.values()].find((one) => one.guests.has(id));
    if (remove) {
      if (!pool.guests.delete(id)) throw failed(`VM ${id} is not a pool member`);
      continue;
    }
    if (!state.guests.has(id)) throw failed(`VM ${id} does not exist`);
    if (other === pool) throw failed(`VM ${id} is already a pool member`);
    if (other !== undefined && !yesIn(call, "allow-move"))
      throw failed(`VM ${id} belongs already to pool '${other.id}' and 'allow-move' is not set`);
    other?.guests.delete(id);
    pool.guests.add(id);
  }
  for (const id of listIn(call, "storage")) {
    if (remove) pool.storages.delete(id);
    else pool.storages.add(id);
  }
  return undefined;
}

function remove(call: Call): undefined {
  const pool = poolOf(call);
  if (pool.guests.size + pool.storages.size > 0)
    throw failed(
      `delete pool failed: pool '${pool.id}' is not empty (contains ${pool.guests.size > 0 ? `VM ${[...pool.guests][0]}` : "storage"})`,
    );
  call.state.pools.delete(pool.id);
  return undefined;
}

const allocate = need("/pool/{poolid}", "Pool.Allocate");
const poolid = must(formatted("pve-poolid")),
  type = oneOf("qemu", "lxc", "storage");
const members = {
  comment: text(),
  vms: formatted("pve-vmid-list"),
  storage: formatted("pve-storage-id-list"),
  delete: flag,
  "allow-move": flag,
};

/** Pools of guests and storages. */
export const poolEndpoints: Endpoints = {
  "GET /pools": endpoint("all", { poolid: formatted("pve-poolid"), type }, list),
  "POST /pools": endpoint(allocate, { poolid, comment: text() }, (call) => {
    const id = textIn(call, "poolid")!;
    if (call.state.pools.has(id)) throw failed(`create pool failed: pool '${id}' already exists`);
    call.state.pools.set(id, { id, comment: textIn(call, "comment"), guests: new Set(), storages: new Set() });
  }),
  "PUT /pools": endpoint(allocate, { ...members, poolid }, change),
  "DELETE /pools": endpoint(allocate, { poolid }, remove),
  "GET /pools/{poolid}": endpoint(need("/pool/{poolid}", "Pool.Audit"), { type }, withMembers),
  "PUT /pools/{poolid}": endpoint(allocate, members, change),
  "DELETE /pools/{poolid}": endpoint(allocate, {}, remove),
};
