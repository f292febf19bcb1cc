import { goesUp } from "./guests/running.ts";
import type { Node, State } from "./state.ts";

/** More than half of the nodes have to see each other. */
export function countQuorum(state: State, forced = false): void {
  const online = [...state.nodes.values()].filter((node) => node.online).length;
  state.quorate = !forced && online * 2 > state.nodes.size;
}

/** A node goes: its API, its tasks, and whatever ran on it. */
export function nodeGoesDown(state: State, node: Node): void {
  node.online = false;
  node.lostAt = state.time.now();
  for (const task of state.tasks.running(node.name)) task.kill();
}

/** It is back: guests that are to start with it do so, the others stay down. */
export function nodeComesUp(state: State, node: Node): void {
  node.online = true;
  node.bootedAt = state.time.now();
  for (const guest of state.guests.values()) {
    if (guest.node !== node.name || !guest.running) continue;
    guest.running = false;
    if (guest.config["onboot"] === 1) goesUp(state, guest);
    else state.changed(guest);
  }
}
