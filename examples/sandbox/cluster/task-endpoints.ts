import { type Call, endpoint, type Endpoints, Listed, listIn, numberIn, PlainText, textIn, yesIn } from "./endpoint.ts";
import { flag, formatted, integer, oneOf, text } from "./parameters.ts";
import { may, requireAny, type Who } from "./permissions.ts";
import { wrong } from "./refused.ts";
import type { State } from "./state.ts";
import type { Task } from "./tasks.ts";

const form = /^UPID:([A-Za-z0-9][A-Za-z0-9.-]*):[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8}:[^:\s]+:[^:\s]*:[^:\s]+:$/i;

/** The task of a path; malformed and unknown ones are 400. */
function taskOf(call: Call): Task {
  const upid = textIn(call, "upid")!;
  if (!form.test(upid)) throw wrong({ upid: "unable to parse worker upid" });
  const task = call.state.tasks.all.get(upid);
  if (task === undefined || task.node !== call.node.name) throw wrong({ upid: "no such task" });
  return task;
}

const userOf = (user: string): object => {
  const [name, tokenid] = user.split("!");
  return { user: name, ...(tokenid === undefined ? {} : { tokenid }) };
};

const kindOf = (exitstatus: string): string =>
  exitstatus === "OK" ? "ok" : exitstatus === "unexpected status" ? "unknown" : exitstatus.startsWith("WARNINGS") ? "warning" : "error";

/** Lists leave the log out; a running task has no end and no status. */
const line = (task: Task): Record<string, unknown> => ({
  upid: task.upid,
  node: task.node,
  pid: task.pid,
  pstart: task.pstart,
  starttime: task.starttime,
  type: task.type,
  id: task.id,
  ...(task.exitstatus === undefined ? { user: task.user } : userOf(task.user)),
  ...(task.exitstatus === undefined ? {} : { endtime: task.endtime, status: task.exitstatus }),
});

/** Others' tasks need the right to look at the node. */
const mayRead = (state: State, who: Who, task: Task): boolean =>
  task.user === who.id || task.user.split("!")[0] === who.id || may(state, who, `/nodes/${task.node}`, "Sys.Audit");

function list(call: Call): Listed {
  const { state, who, node } = call,
    source = textIn(call, "source") ?? "archive";
  const user = textIn(call, "userfilter"),
    types = textIn(call, "typefilter"),
    guest = textIn(call, "vmid"),
    since = numberIn(call, "since"),
    until = numberIn(call, "until"),
    wanted = listIn(call, "statusfilter");
  const found = [...state.tasks.all.values()]
    .filter((task) => task.node === node.name && mayRead(state, who, task))
    .filter((task) => (source === "all" ? true : (source === "active") === (task.exitstatus === undefined)))
    .filter((task) => user === undefined || task.user.includes(user))
    .filter((task) => types === undefined || task.type === types)
    .filter((task) => guest === undefined || task.id === guest)
    .filter((task) => (since === undefined || task.starttime >= since) && (until === undefined || task.starttime <= until))
    .filter(
      (task) =>
        !yesIn(call, "errors") ||
        (task.exitstatus !== undefined && kindOf(task.exitstatus) !== "ok" && kindOf(task.exitstatus) !== "warning"),
    )
    .filter((task) => wanted.length === 0 || (task.exitstatus !== undefined && wanted.includes(kindOf(task.exitstatus))))
    .sort((a, b) => (b.endtime ?? Infinity) - (a.endtime ?? Infinity) || b.pstart - a.pstart);
  const start = numberIn(call, "start") ?? 0,
    limit = numberIn(call, "limit") ?? 50;
  const shown = found.slice(start, limit === 0 ? undefined : start + limit);
  return new Listed(
    shown.map((task) => (task.exitstatus === undefined ? { ...line(task), status: "RUNNING", saved: "0" } : line(task))),
    found.length,
  );
}

function status(call: Call): object {
  const task = taskOf(call);
  if (!mayRead(call.state, call.who, task)) requireAny(call.state, call.who, `/nodes/${task.node}`, "Sys.Audit");
  const { endtime: _, status: exitstatus, ...shown } = line(task);
  return {
    ...shown,
    ...userOf(task.user),
    status: task.exitstatus === undefined ? "running" : "stopped",
    ...(exitstatus === undefined ? {} : { exitstatus }),
  };
}

/** 50 lines a page; of a task that is not there one line says so. */
function log(call: Call): Listed | PlainText {
  const upid = textIn(call, "upid")!;
  if (!form.test(upid)) throw wrong({ upid: "unable to parse worker upid" });
  const task = call.state.tasks.all.get(upid);
  if (task === undefined) return new Listed({ n: 1, t: "unable to open file - No such file or directory" }, 1);
  if (yesIn(call, "download")) return new PlainText(`${task.log.join("\n")}\n`);
  const start = numberIn(call, "start") ?? 0,
    limit = numberIn(call, "limit") ?? 50;
  const lines = task.log.map((t, at) => ({ n: at + 1, t })).slice(start, limit === 0 ? undefined : start + limit);
  return new Listed(lines, task.log.length);
}

function stop(call: Call): undefined {
  const task = taskOf(call);
  if (task.user !== call.who.id && task.user.split("!")[0] !== call.who.user)
    requireAny(call.state, call.who, `/nodes/${task.node}`, "Sys.Modify");
  task.interrupt();
  return undefined;
}

/** What happened lately on all nodes: the running tasks and the last 25 of each node. */
export function recentTasks(call: Call): object[] {
  const { state, who } = call,
    perNode = new Map<string, number>();
  return [...state.tasks.all.values()]
    .sort((a, b) => b.starttime - a.starttime || b.pstart - a.pstart)
    .filter((task) => {
      if (!mayRead(state, who, task) || state.nodes.get(task.node)?.online !== true) return false;
      if (task.exitstatus === undefined) return true;
      const count = (perNode.get(task.node) ?? 0) + 1;
      perNode.set(task.node, count);
      return count <= 25;
    })
    .map((task) => {
      const { pid: _, pstart: __, ...shown } = line(task);
      return { ...shown, ...userOf(task.user), ...(task.exitstatus === undefined ? {} : { saved: "1" }) };
    });
}

/** Tasks: lists, states, logs, and their end. */
export const taskEndpoints: Endpoints = {
  "GET /nodes/{node}/tasks": endpoint(
    "all",
    {
      errors: flag,
      limit: integer({ minimum: 0 }),
      start: integer({ minimum: 0 }),
      since: integer(),
      until: integer(),
      source: oneOf("archive", "active", "all"),
      statusfilter: formatted("pve-task-status-type-list"),
      typefilter: text(),
      userfilter: text(),
      vmid: integer({ minimum: 100, maximum: 999_999_999, format: "pve-vmid" }),
    },
    list,
  ),
  "GET /nodes/{node}/tasks/{upid}": endpoint("all", {}, () => [{ name: "log" }, { name: "status" }]),
  "GET /nodes/{node}/tasks/{upid}/status": endpoint("all", {}, status),
  "GET /nodes/{node}/tasks/{upid}/log": endpoint(
    "all",
    { start: integer({ minimum: 0 }), limit: integer({ minimum: 0 }), download: flag },
    log,
  ),
  "DELETE /nodes/{node}/tasks/{upid}": endpoint("all", {}, stop, { withoutQuorum: true }),
};
