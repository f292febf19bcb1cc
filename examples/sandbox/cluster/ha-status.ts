import type { Call } from "./endpoint.ts";
import type { HaResource, State } from "./state.ts";

/** `Fri Nov 20 12:28:15 2026`. */
const clock = (ms: number): string => {
  const [day, date, month, year, time] = new Date(ms).toUTCString().replace(",", "").split(" ") as string[];
  return `${day} ${month} ${date} ${time} ${year}`;
};

const shownState = (state: State, resource: HaResource): string => {
  if (resource.config["state"] === "ignored") return "ignored";
  if (resource.state === undefined) return "queued";
  if (resource.state !== "started") return resource.state;
  // What a node's own manager did is known when the cluster's looks next.
  const guest = state.guests.get(resource.id);
  return guest?.running === true && state.time.now() - guest.startedAt >= state.pace.ha ? "started" : "starting";
};

/** Quorum, master, each node's manager, each resource. */
export function haStatus({ state, via }: Call): object[] {
  const now = state.time.now(),
    timestamp = Math.floor(now / 1000);
  const quorum = {
    id: "quorum",
    type: "quorum",
    node: via.name,
    status: state.quorate ? "OK" : "No quorum on node",
    quorate: state.quorate ? 1 : 0,
  };
  if (state.ha.resources.size + state.ha.groups.size === 0) return [quorum];
  const master = [...state.nodes.values()].find((node) => node.online) ?? via;
  return [
    quorum,
    { id: "master", type: "master", node: master.name, status: `${master.name} (active, ${clock(now)})`, timestamp },
    ...[...state.nodes.values()].map((node) => ({
      id: `lrm:${node.name}`,
      type: "lrm",
      node: node.name,
      status: node.online ? `${node.name} (active, ${clock(now)})` : `${node.name} (old timestamp - dead?, ${clock(now)})`,
      timestamp,
    })),
    ...[...state.ha.resources.values()].map((resource) => service(state, resource)),
  ];
}

function service(state: State, resource: HaResource): object {
  const node = resource.node ?? state.guests.get(resource.id)?.node ?? "",
    at = shownState(state, resource),
    { group, comment, max_restart = 1, max_relocate = 1 } = resource.config;
  return {
    id: `service:${resource.sid}`,
    type: "service",
    sid: resource.sid,
    node,
    state: at,
    status: `${resource.sid} (${node}, ${at})`,
    request_state: String(resource.config["state"] ?? "started"),
    max_restart,
    max_relocate,
    ...(resource.state === undefined ? {} : { crm_state: resource.state }),
    ...(group === undefined ? {} : { group }),
    ...(comment === undefined ? {} : { comment }),
  };
}

/** The manager's own view: nodes, services, what each node's part said last. */
export function managerStatus({ state, via }: Call): object {
  const timestamp = Math.floor(state.time.now() / 1000),
    quorum = { node: via.name, quorate: state.quorate ? "1" : "0" };
  if (state.ha.resources.size + state.ha.groups.size === 0) return { quorum, manager_status: { node_status: {} } };
  const nodes = [...state.nodes.values()];
  return {
    quorum,
    manager_status: {
      timestamp,
      master_node: nodes.find((node) => node.online)?.name ?? via.name,
      node_status: Object.fromEntries(nodes.map((node) => [node.name, node.online ? "online" : "unknown"])),
      service_status: Object.fromEntries(
        [...state.ha.resources.values()].map(({ sid, state: at, id }) => [
          sid,
          { node: state.guests.get(id)?.node, state: at ?? "queued" },
        ]),
      ),
    },
    lrm_status: Object.fromEntries(nodes.map((node) => [node.name, { mode: "active", state: "active", timestamp, results: {} }])),
  };
}
