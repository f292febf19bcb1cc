import { backupParameters } from "./backup.ts";
import { type Call, endpoint, type Endpoints, listIn, textIn } from "./endpoint.ts";
import { nameOf } from "./guests/config.ts";
import { flag, formatted, type Parameters, text } from "./parameters.ts";
import { need } from "./permissions.ts";
import { failed } from "./refused.ts";
import { type Config, type Guest, seconds, type State } from "./state.ts";

/** Guests that no job backs up. */
function uncovered({ state }: Call): object[] {
  const jobs = [...state.jobs.values()];
  const covered = (guest: Guest): boolean =>
    jobs.some(
      (job) =>
        job["enabled"] !== 0 &&
        (job["all"] === 1 ||
          String(job["vmid"] ?? "")
            .split(",")
            .includes(String(guest.id)) ||
          state.pools.get(String(job["pool"] ?? ""))?.guests.has(guest.id) === true),
    );
  return [...state.guests.values()]
    .filter((guest) => !covered(guest))
    .map((guest) => ({ vmid: guest.id, name: nameOf(guest), type: guest.kind }));
}

function jobNamed(call: Call): Config {
  const id = textIn(call, "id")!,
    job = call.state.jobs.get(id);
  if (job === undefined) throw failed(`No such job '${id}'`);
  return job;
}

const withNext = (state: State, id: string, job: Config): object => ({
  id,
  type: "vzdump",
  ...job,
  enabled: job["enabled"] ?? 1,
  "next-run": seconds(state) + 3600,
});

function change(call: Call): undefined {
  const before = jobNamed(call),
    { id, delete: _, ...values } = call.params,
    job: Config = { ...before, ...(values as Config) };
  for (const key of listIn(call, "delete")) delete job[key];
  call.state.jobs.set(String(id as string), job);
  return undefined;
}

const job: Parameters = {
  ...backupParameters,
  node: formatted("pve-node"),
  comment: text({ maxLength: 512 }),
  enabled: flag,
  "repeat-missed": flag,
  schedule: formatted("pve-calendar-event", { maxLength: 128 }),
};
const look = need("/", "Sys.Audit"),
  act = need("/", "Sys.Modify");

/** Backups that are planned: kept and shown, and never run by themselves. */
export const backupJobEndpoints: Endpoints = {
  "GET /cluster/backup": endpoint(look, {}, ({ state }) => [...state.jobs].map(([id, one]) => withNext(state, id, one))),
  "POST /cluster/backup": endpoint(act, { ...job, id: formatted("pve-configid") }, (call) => {
    const id = textIn(call, "id") ?? `backup-${call.state.chance.hex(8)}-${call.state.chance.hex(4)}`;
    if (call.state.jobs.has(id)) throw failed(`Job '${id}' already exists`);
    const { id: _, ...values } = call.params;
    call.state.jobs.set(id, values as Config);
  }),
  "GET /cluster/backup/{id}": endpoint(look, {}, (call) => withNext(call.state, textIn(call, "id")!, jobNamed(call))),
  "PUT /cluster/backup/{id}": endpoint(act, { ...job, delete: formatted("pve-configid-list") }, change),
  "DELETE /cluster/backup/{id}": endpoint(act, {}, (call) => {
    jobNamed(call);
    call.state.jobs.delete(textIn(call, "id")!);
  }),
  "GET /cluster/backup-info/not-backed-up": endpoint(look, {}, uncovered),
};
