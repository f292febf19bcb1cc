import { digestOf } from "./chance.ts";
import { type Call, endpoint, type Endpoints, listIn, textIn } from "./endpoint.ts";
import { requestNode } from "./ha-manager.ts";
import { haStatus, managerStatus } from "./ha-status.ts";
import { sidOf } from "./ha-view.ts";
import { flag, formatted, integer, must, oneOf, type Parameters, text } from "./parameters.ts";
import { need } from "./permissions.ts";
import { failed } from "./refused.ts";
import type { Config, HaResource, State } from "./state.ts";

/** `ct:100` of `100`, by what the guest is. */
function sidIn(call: Call): string {
  const given = textIn(call, "sid")!;
  if (given.includes(":")) return given;
  const guest = call.state.guests.get(Number(given));
  if (guest === undefined) throw failed(`resource '${given}' does not exist in cluster`);
  return sidOf(guest);
}

function resourceOf(call: Call): HaResource {
  const sid = sidIn(call),
    resource = call.state.ha.resources.get(sid);
  if (resource === undefined) throw failed(`no such resource '${sid}'`);
  return resource;
}

const digestOfResources = (state: State): string =>
  digestOf(JSON.stringify([...state.ha.resources.values()].map(({ sid, config }) => [sid, config])));
const shown = (state: State, { sid, type, config }: HaResource): object => ({ sid, type, ...config, digest: digestOfResources(state) });
const values = (call: Call, ...not: string[]): Config =>
  Object.fromEntries(Object.entries(call.params).filter(([key]) => !not.includes(key))) as Config;

function checkGroup(call: Call): void {
  const group = textIn(call, "group");
  if (group !== undefined && !call.state.ha.groups.has(group)) throw failed(`HA group '${group}' does not exist`);
}

function add(call: Call): undefined {
  const { state } = call,
    sid = sidIn(call),
    id = Number(sid.split(":")[1]);
  checkGroup(call);
  if (!state.guests.has(id)) throw failed(`resource '${sid}' does not exist in cluster`);
  if (state.ha.resources.has(sid)) throw failed(`create resource failed: resource ID '${sid}' already defined`);
  state.ha.resources.set(sid, {
    sid,
    type: sid.startsWith("ct") ? "ct" : "vm",
    id,
    config: values(call, "sid", "type"),
    state: undefined,
    node: undefined,
    wantedNode: undefined,
    busy: false,
  });
  return undefined;
}

function change(call: Call): undefined {
  checkGroup(call);
  const resource = resourceOf(call),
    config = { ...resource.config, ...values(call, "sid", "delete", "digest") };
  for (const key of listIn(call, "delete")) delete config[key];
  resource.config = config;
  return undefined;
}

function remove(call: Call): undefined {
  const sid = sidIn(call);
  if (!call.state.ha.resources.delete(sid)) throw failed(`cannot delete service '${sid}', not HA managed!`);
  return undefined;
}

function move(call: Call): unknown {
  const { state } = call,
    sid = sidIn(call);
  if (!state.ha.resources.has(sid)) throw failed(`no such resource '${sid}'`);
  requestNode(state, sid, textIn(call, "node")!);
  return state.major >= 9 ? { sid, "requested-node": textIn(call, "node") } : null;
}

const digestOfGroups = (state: State): string => digestOf(JSON.stringify([...state.ha.groups]));
const groupLine = (state: State, group: string, config: Config): object => ({
  group,
  type: "group",
  ...config,
  digest: digestOfGroups(state),
});

function groupNamed(call: Call): Config {
  const group = textIn(call, "group")!,
    found = call.state.ha.groups.get(group);
  if (found === undefined) throw failed(`no such ha group '${group}'`);
  return found;
}

function removeGroup(call: Call): undefined {
  const group = textIn(call, "group")!;
  groupNamed(call);
  for (const { sid, config } of call.state.ha.resources.values())
    if (config["group"] === group) throw failed(`delete ha group failed: ha group is used by service '${sid}'`);
  call.state.ha.groups.delete(group);
  return undefined;
}

/** Keeps a named set of values: made, changed, deleted keys gone. */
const changed = (before: Config, call: Call, ...not: string[]): Config => {
  const after: Config = { ...before, ...values(call, "delete", "digest", ...not) };
  for (const key of listIn(call, "delete")) delete after[key];
  return after;
};

const look = need("/", "Sys.Audit"),
  act = need("/", "Sys.Console");
const groupName = must(formatted("pve-configid"));
const settings: Parameters = {
  comment: text({ maxLength: 4096 }),
  group: formatted("pve-configid"),
  max_relocate: integer({ minimum: 0 }),
  max_restart: integer({ minimum: 0 }),
  state: oneOf("started", "stopped", "enabled", "disabled", "ignored"),
};
const groupSettings: Parameters = { comment: text({ maxLength: 4096 }), nofailback: flag, restricted: flag };
const change_: Parameters = { delete: formatted("pve-configid-list", { maxLength: 4096 }), digest: text({ maxLength: 64 }) };
const nodeList = formatted("pve-ha-group-node-list");
const node = must(formatted("pve-node"));
const old = { until: 8 },
  young = { from: 9 };
const ruleSettings: Parameters = {
  affinity: oneOf("positive", "negative"),
  comment: text({ maxLength: 4096 }),
  disable: flag,
  nodes: nodeList,
  strict: flag,
};

/** High availability: resources, groups (8) or rules (9), and what the manager is at. */
export const haEndpoints: Endpoints = {
  "GET /cluster/ha/status/current": endpoint(look, {}, haStatus),
  "GET /cluster/ha/status/manager_status": endpoint(look, {}, managerStatus),
  "GET /cluster/ha/resources": endpoint(look, { type: oneOf("ct", "vm") }, (call) =>
    [...call.state.ha.resources.values()]
      .filter(({ type }) => (textIn(call, "type") ?? type) === type)
      .map((resource) => shown(call.state, resource)),
  ),
  "POST /cluster/ha/resources": endpoint(
    act,
    { ...settings, sid: must(formatted("pve-ha-resource-or-vm-id")), type: oneOf("ct", "vm") },
    add,
  ),
  "GET /cluster/ha/resources/{sid}": endpoint(look, {}, (call) => shown(call.state, resourceOf(call))),
  "PUT /cluster/ha/resources/{sid}": endpoint(act, { ...settings, ...change_ }, change),
  "DELETE /cluster/ha/resources/{sid}": endpoint(act, {}, remove),
  "POST /cluster/ha/resources/{sid}/migrate": endpoint(act, { node }, move),
  "POST /cluster/ha/resources/{sid}/relocate": endpoint(act, { node }, move),
  "GET /cluster/ha/groups": endpoint(
    look,
    {},
    ({ state }) => [...state.ha.groups].map(([group, config]) => groupLine(state, group, config)),
    old,
  ),
  "POST /cluster/ha/groups": endpoint(
    act,
    { ...groupSettings, group: groupName, nodes: must(nodeList), type: oneOf("group") },
    (call) => {
      const group = textIn(call, "group")!;
      if (call.state.ha.groups.has(group)) throw failed(`create ha group failed: ha group ID '${group}' already defined`);
      call.state.ha.groups.set(group, values(call, "group", "type"));
    },
    old,
  ),
  "GET /cluster/ha/groups/{group}": endpoint(look, {}, (call) => groupLine(call.state, textIn(call, "group")!, groupNamed(call)), old),
  "PUT /cluster/ha/groups/{group}": endpoint(
    act,
    { ...groupSettings, ...change_, nodes: nodeList },
    (call) => void call.state.ha.groups.set(textIn(call, "group")!, changed(groupNamed(call), call, "group")),
    old,
  ),
  "DELETE /cluster/ha/groups/{group}": endpoint(act, {}, removeGroup, old),
  "GET /cluster/ha/rules": endpoint(
    look,
    { type: oneOf("node-affinity", "resource-affinity"), resource: text() },
    (call) =>
      [...call.state.ha.rules]
        .filter(([, rule]) => (textIn(call, "type") ?? rule["type"]) === rule["type"])
        .filter(
          ([, rule]) => textIn(call, "resource") === undefined || String(rule["resources"]).split(",").includes(textIn(call, "resource")!),
        )
        .map(([rule, config], order) => ({ rule, order, ...config, digest: digestOf(JSON.stringify([...call.state.ha.rules])) })),
    young,
  ),
  "POST /cluster/ha/rules": endpoint(
    act,
    {
      ...ruleSettings,
      rule: must(formatted("pve-configid")),
      type: must(oneOf("node-affinity", "resource-affinity")),
      resources: must(text()),
    },
    (call) => {
      const rule = textIn(call, "rule")!;
      if (call.state.ha.rules.has(rule)) throw failed(`create ha rule failed: ha rule ID '${rule}' already defined`);
      call.state.ha.rules.set(rule, values(call, "rule"));
    },
    young,
  ),
  "GET /cluster/ha/rules/{rule}": endpoint(look, {}, (call) => ({ rule: textIn(call, "rule"), ...ruleNamed(call) }), young),
  "PUT /cluster/ha/rules/{rule}": endpoint(
    act,
    { ...ruleSettings, ...change_, resources: text(), type: must(oneOf("node-affinity", "resource-affinity")) },
    (call) => void call.state.ha.rules.set(textIn(call, "rule")!, changed(ruleNamed(call), call, "rule")),
    young,
  ),
  "DELETE /cluster/ha/rules/{rule}": endpoint(
    act,
    {},
    (call) => {
      ruleNamed(call);
      call.state.ha.rules.delete(textIn(call, "rule")!);
    },
    young,
  ),
};

function ruleNamed(call: Call): Config {
  const rule = textIn(call, "rule")!,
    found = call.state.ha.rules.get(rule);
  if (found === undefined) throw failed(`no such ha rule '${rule}'`);
  return found;
}
